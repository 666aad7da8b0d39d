export type Pair = readonly [name: string, value: string];

/** A request in the parts that can be got wrong one by one. */
export interface Draft {
  operationId: string;
  method: string;
  path: string;
  query: Pair[];
  headers: Pair[];
  body: Buffer | null;
  /** Whether method and path are those of the operation. */
  isAddressed: boolean;
}
