// Checks messages of a server against the schemas of the extension's own package.
// Standard input: one JSON object a line, {"kind": ..., "message": ...}.
import { createInterface } from "node:readline";
import * as v2 from "@modelcontextprotocol/ext-tasks/core/v2";

const schemas = {
  created: v2.CreateTaskResultV2Schema,
  task: v2.GetTaskResultV2Schema,
  canceled: v2.CancelTaskResultV2Schema,
  updated: v2.UpdateTaskResultV2Schema,
  told: v2.TaskStatusNotificationV2Schema,
  tool: v2.ToolV2Schema,
  result: v2.CallToolResultV2Schema,
};
for await (const line of createInterface({ input: process.stdin })) {
  const { kind, message } = JSON.parse(line);
  const found = schemas[kind].safeParse(message);
  console.log(JSON.stringify({ kind, ok: found.success, why: found.error?.issues }));
}
