// Drives a factory with Microsoft's management SDK, unchanged but for the endpoint. Prints one JSON object.
import { createRequire } from "node:module";

const require = createRequire(process.env.DMG_NODE_MODULES + "/");
const { DataFactoryManagementClient } = require("@azure/arm-datafactory");

const credential = { getToken: async () => ({ token: process.env.FACTORY_TOKEN, expiresOnTimestamp: Date.now() + 3600_000 }) };
const client = new DataFactoryManagementClient(credential, "11111111-2222-3333-4444-555555555555", { endpoint: process.env.FACTORY_URL });
const group = "group";

const all = async (pages) => {
  const list = [];
  for await (const item of pages) list.push(item);
  return list;
};
const out = {};

const [factory] = await all(client.factories.list());
const name = factory.name;
out.factory = (await client.factories.get(group, name)).name;

const runtime = await client.integrationRuntimes.createOrUpdate(group, name, "sdk-gateway", { properties: { type: "SelfHosted", description: "made by the SDK" } });
out.runtime = [runtime.name, runtime.properties.type, runtime.properties.description];
const key = (await client.integrationRuntimes.listAuthKeys(group, name, "sdk-gateway")).authKey1;
const newKey = (await client.integrationRuntimes.regenerateAuthKey(group, name, "sdk-gateway", { keyName: "authKey1" })).authKey1;
out.keys = [key.startsWith("ADF#"), newKey.startsWith("ADF#"), key !== newKey];
const status = await client.integrationRuntimes.getStatus(group, name, "sdk-gateway");
out.status = [status.properties.type, status.properties.state, status.properties.nodes.length, status.properties.createTime instanceof Date];
out.monitoring = (await client.integrationRuntimes.getMonitoringData(group, name, "sdk-gateway")).name;

const via = { type: "IntegrationRuntimeReference", referenceName: "plant" };
for (const [service, file] of [["SdkSource", "/in.db"], ["SdkSink", "/out.db"]]) {
  const made = await client.linkedServices.createOrUpdate(group, name, service, { properties: { type: "SQLite", connectVia: via, typeProperties: { connectionString: "Data Source=" + file } } });
  await client.linkedServices.createOrUpdate(group, name, service, made, { ifMatch: made.etag });
}
for (const [dataset, service] of [["SdkIn", "SdkSource"], ["SdkOut", "SdkSink"]]) {
  await client.datasets.createOrUpdate(group, name, dataset, {
    properties: { type: "SQLiteTable", linkedServiceName: { type: "LinkedServiceReference", referenceName: service }, typeProperties: { tableName: "orders" } },
  });
}
await client.pipelines.createOrUpdate(group, name, "sdk-pipeline", {
  parameters: { day: { type: "String" } },
  activities: [{
    name: "Copy", type: "Copy",
    inputs: [{ type: "DatasetReference", referenceName: "SdkIn" }], outputs: [{ type: "DatasetReference", referenceName: "SdkOut" }],
    source: { type: "SQLiteSource", query: { type: "Expression", value: "select * from orders where day = '@{pipeline().parameters.day}'" } },
    sink: { type: "SQLiteSink" },
  }],
});
const pipeline = await client.pipelines.get(group, name, "sdk-pipeline");
out.pipeline = [pipeline.name, pipeline.activities.length, pipeline.activities[0].type, pipeline.activities[0].source.type];
out.lists = [(await all(client.linkedServices.listByFactory(group, name))).length, (await all(client.datasets.listByFactory(group, name))).length,
  (await all(client.pipelines.listByFactory(group, name))).length, (await all(client.integrationRuntimes.listByFactory(group, name))).length];

const { runId } = await client.pipelines.createRun(group, name, "sdk-pipeline", { parameters: { day: "2026-01-31" } });
let run;
const until = Date.now() + 30_000;
do {
  run = await client.pipelineRuns.get(group, name, runId);
  await new Promise((resolve) => setTimeout(resolve, 50));
} while (!["Succeeded", "Failed", "Cancelled"].includes(run.status) && Date.now() < until);
out.run = [run.status, run.pipelineName, run.parameters.day, run.runEnd instanceof Date, run.durationInMs >= 0];
const times = { lastUpdatedAfter: new Date(0), lastUpdatedBefore: new Date(Date.now() + 86400_000) };
const [activity] = (await client.activityRuns.queryByPipelineRun(group, name, runId, times)).value;
out.activity = [activity.status, activity.activityName, activity.output.rowsCopied];
const found = await client.pipelineRuns.queryByFactory(group, name, {
  ...times, filters: [{ operand: "PipelineName", operator: "Equals", values: ["sdk-pipeline"] }], orderBy: [{ orderBy: "RunStart", order: "DESC" }],
});
out.query = found.value.map((r) => r.runId === runId);

const second = await client.pipelines.createRun(group, name, "sdk-pipeline", { parameters: { day: "2026-02-01" } });
await client.pipelineRuns.cancel(group, name, second.runId);
out.cancelled = (await client.pipelineRuns.get(group, name, second.runId)).status;

try {
  await client.linkedServices.createOrUpdate(group, name, "Bad", { properties: { type: "Cassandra", typeProperties: { host: "h" } } });
} catch (e) {
  out.refused = [e.statusCode, e.code, e.details?.target];
}
try {
  await client.pipelines.get(group, name, "none");
} catch (e) {
  out.missing = [e.statusCode, e.code];
}
await client.pipelines.delete(group, name, "sdk-pipeline");
for (const dataset of ["SdkIn", "SdkOut"]) await client.datasets.delete(group, name, dataset);
for (const service of ["SdkSource", "SdkSink"]) await client.linkedServices.delete(group, name, service);
await client.integrationRuntimes.delete(group, name, "sdk-gateway");
out.left = (await all(client.linkedServices.listByFactory(group, name))).length;
console.log(JSON.stringify(out));
