/** Schemas as people and libraries send them to servers of OpenAI's API: parameters of tools, and formats of answers. */
export const realSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  "the weather, as in OpenAI's guide": {
    type: "object",
    properties: {
      location: { type: "string", description: "The city and state, e.g. San Francisco, CA" },
      unit: { type: "string", enum: ["celsius", "fahrenheit"] },
    },
    required: ["location"],
  },
  "a calendar event, strict": {
    type: "object",
    properties: {
      name: { type: "string" },
      date: { type: "string", format: "date" },
      participants: { type: "array", items: { type: "string", format: "email" } },
      location: { type: ["string", "null"] },
    },
    required: ["name", "date", "participants", "location"],
    additionalProperties: false,
  },
  "steps of a solution, from the Node client": {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    properties: { steps: { type: "array", items: { $ref: "#/definitions/step" } }, final_answer: { type: "string" } },
    required: ["steps", "final_answer"],
    additionalProperties: false,
    definitions: {
      step: {
        type: "object",
        properties: { explanation: { type: "string" }, output: { type: "string" } },
        required: ["explanation", "output"],
        additionalProperties: false,
      },
    },
  },
  "a query of a database": {
    type: "object",
    properties: {
      query: { type: "string", minLength: 1, maxLength: 10_000, description: "Only SELECT is allowed." },
      params: {
        type: "array",
        items: { anyOf: [{ type: "string" }, { type: "number" }, { type: "boolean" }, { type: "null" }] },
      },
      timeout_ms: { type: "integer", minimum: 1, maximum: 60_000, default: 5_000 },
      database: { type: "string", pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$", maxLength: 63 },
    },
    required: ["query"],
    additionalProperties: false,
  },
  "a search with filters": {
    type: "object",
    properties: {
      q: { type: "string" },
      filters: {
        type: "array",
        items: {
          type: "object",
          properties: {
            field: { type: "string", enum: ["price", "brand", "rating", "brand_origin"] },
            operator: { type: "string", enum: ["=", "!=", ">", ">=", "<", "<=", "in"] },
            value: {
              anyOf: [
                { type: "string" },
                { type: "number" },
                { type: "array", items: { type: "string" }, minItems: 1, maxItems: 50 },
              ],
            },
          },
          required: ["field", "operator", "value"],
        },
        maxItems: 10,
      },
      sort: { type: "object", properties: { by: { type: "string" }, descending: { type: "boolean" } } },
      page: { type: "integer", minimum: 1, default: 1 },
      page_size: { type: "integer", minimum: 1, maximum: 100 },
    },
    required: ["q"],
  },
  "nested orders": {
    type: "object",
    properties: {
      customer: {
        type: "object",
        properties: {
          id: { type: "string", format: "uuid" },
          address: {
            type: "object",
            properties: {
              street: { type: "string" },
              zip: { type: "string", pattern: "^\\d{5}(-\\d{4})?$" },
              country: { type: "string", minLength: 2, maxLength: 2 },
            },
            required: ["street", "zip"],
          },
        },
        required: ["id", "address"],
      },
      lines: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          properties: {
            sku: { type: "string", pattern: "^[A-Z]{2,4}-[0-9]{3,6}$" },
            quantity: { type: "integer", exclusiveMinimum: 0 },
            price: { type: "number", minimum: 0 },
            discount: { type: "number", minimum: 0, maximum: 1 },
          },
          required: ["sku", "quantity"],
        },
      },
      currency: { const: "EUR" },
      placed_at: { type: "string", format: "date-time" },
    },
    required: ["customer", "lines"],
  },
  "pydantic: optional fields, nested models and enums": {
    $defs: {
      Address: {
        properties: {
          street: { title: "Street", type: "string" },
          city: { anyOf: [{ type: "string" }, { type: "null" }], default: null, title: "City" },
        },
        required: ["street"],
        title: "Address",
        type: "object",
      },
      Priority: { enum: ["low", "medium", "high"], title: "Priority", type: "string" },
    },
    properties: {
      name: { minLength: 1, title: "Name", type: "string" },
      age: { anyOf: [{ exclusiveMinimum: 0, maximum: 150, type: "integer" }, { type: "null" }], default: null, title: "Age" },
      address: { anyOf: [{ $ref: "#/$defs/Address" }, { type: "null" }], default: null },
      priority: { $ref: "#/$defs/Priority", default: "low", description: "How urgent it is" },
      tags: { default: [], items: { type: "string" }, title: "Tags", type: "array" },
      metadata: { additionalProperties: true, title: "Metadata", type: "object" },
      point: {
        maxItems: 2,
        minItems: 2,
        prefixItems: [{ type: "number" }, { type: "number" }],
        title: "Point",
        type: "array",
      },
      website: { anyOf: [{ format: "uri", maxLength: 2083, minLength: 1, type: "string" }, { type: "null" }], default: null },
      anything: { default: null, title: "Anything" },
    },
    required: ["name"],
    title: "Person",
    type: "object",
  },
  "pydantic: a discriminated union": {
    $defs: {
      Cat: {
        properties: { kind: { const: "cat", title: "Kind", type: "string" }, lives: { title: "Lives", type: "integer" } },
        required: ["kind", "lives"],
        title: "Cat",
        type: "object",
      },
      Dog: {
        properties: { kind: { const: "dog", title: "Kind", type: "string" }, breed: { title: "Breed", type: "string" } },
        required: ["kind"],
        title: "Dog",
        type: "object",
      },
    },
    properties: {
      pet: {
        discriminator: { mapping: { cat: "#/$defs/Cat", dog: "#/$defs/Dog" }, propertyName: "kind" },
        oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
        title: "Pet",
      },
    },
    required: ["pet"],
    title: "Owner",
    type: "object",
  },
  "pydantic 1: allOf around a reference": {
    title: "Task",
    type: "object",
    properties: {
      status: { description: "Where it stands", allOf: [{ $ref: "#/definitions/Status" }] },
      due: { title: "Due", type: "string", format: "date-time" },
    },
    required: ["status"],
    definitions: { Status: { title: "Status", enum: ["open", "done"], type: "string" } },
  },
  "zod 4: a record, a tuple and a nullable": {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      counts: {
        type: "object",
        propertyNames: { type: "string" },
        additionalProperties: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
      },
      range: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }], minItems: 2, items: false },
      note: { anyOf: [{ type: "string", maxLength: 280 }, { type: "null" }] },
      mail: { type: "string", format: "email", pattern: "^[a-z0-9]+@[a-z0-9]+\\.[a-z]{2,4}$" },
    },
    required: ["counts", "range", "note"],
    additionalProperties: false,
  },
  "zod-to-json-schema: draft 7 with a name": {
    $ref: "#/definitions/Search",
    definitions: {
      Search: {
        type: "object",
        properties: {
          pattern: { type: "string" },
          paths: { type: "array", items: { type: "string" }, minItems: 1 },
          context: { type: "array", minItems: 2, maxItems: 2, items: [{ type: "integer" }, { type: "integer" }] },
          mode: {
            anyOf: [
              { type: "string", const: "files" },
              { type: "string", const: "lines" },
            ],
          },
          limit: { type: ["number", "null"], exclusiveMinimum: 0 },
        },
        required: ["pattern"],
        additionalProperties: false,
      },
    },
    $schema: "http://json-schema.org/draft-07/schema#",
  },
  "an MCP server for files": {
    type: "object",
    properties: {
      path: { type: "string" },
      edits: {
        type: "array",
        items: {
          type: "object",
          properties: { oldText: { type: "string" }, newText: { type: "string" } },
          required: ["oldText", "newText"],
          additionalProperties: false,
        },
      },
      dryRun: { type: "boolean", default: false, description: "Preview changes" },
    },
    required: ["path", "edits"],
    additionalProperties: false,
    $schema: "http://json-schema.org/draft-07/schema#",
  },
  "an MCP server for repositories, update with at least one field": {
    type: "object",
    properties: {
      owner: { type: "string" },
      number: { type: "integer", minimum: 1 },
      title: { type: "string" },
      state: { type: "string", enum: ["open", "closed"] },
    },
    required: ["owner", "number"],
    minProperties: 3,
  },
  "a tool without parameters": { type: "object", properties: {}, additionalProperties: false },
  "a tree of comments, recursive": {
    type: "object",
    properties: { text: { type: "string" }, replies: { type: "array", items: { $ref: "#/$defs/comment" } } },
    required: ["text", "replies"],
    $defs: {
      comment: {
        type: "object",
        properties: {
          text: { type: "string" },
          author: { type: ["object", "null"], properties: { name: { type: "string" } }, required: ["name"] },
          replies: { type: "array", items: { $ref: "#/$defs/comment" } },
        },
        required: ["text"],
      },
    },
  },
  "a scene for an interface, with maps and coordinates": {
    type: "object",
    properties: {
      center: {
        type: "object",
        properties: { lat: { type: "number", minimum: -90, maximum: 90 }, lon: { type: "number", minimum: -180, maximum: 180 } },
        required: ["lat", "lon"],
      },
      color: { type: "string", pattern: "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$" },
      layers: {
        type: "array",
        items: {
          oneOf: [
            {
              type: "object",
              properties: { type: { const: "tiles" }, url: { type: "string", format: "uri" } },
              required: ["type", "url"],
            },
            { type: "object", properties: { type: { const: "marker" }, label: { type: "string" } }, required: ["type"] },
          ],
        },
      },
    },
    required: ["center"],
  },
};
