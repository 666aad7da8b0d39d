#!/usr/bin/env node
import { createProgram } from "./program.ts";

await createProgram({ env: process.env, entry: import.meta.filename }).parseAsync();
