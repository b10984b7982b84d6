// lifion-kinesis against Millrace: polling and enhanced fan-out (a parser of its own), its state and leases in DynamoDB.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import dns from "node:dns";
import { Agent } from "node:https";
import { createRequire } from "node:module";

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const require = createRequire(import.meta.url);
const AWS = require("aws-sdk");
const Lifion = require("lifion-kinesis");
const { RecordAggregator } = require("aws-kinesis-agg");

const endpoint = process.env.ENDPOINT;
const aws = { endpoint, region: "us-east-1", accessKeyId: "test", secretAccessKey: "test" };
// The old SDK has a list of authorities of its own, unless it is handed an agent.
if (endpoint.startsWith("https")) aws.httpOptions = { agent: new Agent({ keepAlive: true }) };
const kinesis = new AWS.Kinesis(aws);
const dynamodb = new AWS.DynamoDB.DocumentClient(aws);

const fresh = (prefix) => `${prefix}-${randomBytes(6).toString("hex")}`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const cases = {};

async function eventually(check, seconds = 20) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (Date.now() > until) throw new Error(`not within ${seconds} s: ${check}`);
    await pause(50);
  }
}

async function active(StreamName) {
  await eventually(async () => {
    const { StreamDescriptionSummary: s } = await kinesis.describeStreamSummary({ StreamName }).promise();
    return s.StreamStatus === "ACTIVE";
  });
  return StreamName;
}

async function stream(ShardCount) {
  const StreamName = fresh("lifion");
  await kinesis.createStream({ StreamName, ShardCount }).promise();
  return active(StreamName);
}

async function split(StreamName) {
  const { Shards } = await kinesis.listShards({ StreamName, ShardFilter: { Type: "AT_LATEST" } }).promise();
  const [{ ShardId: ShardToSplit, HashKeyRange: { StartingHashKey, EndingHashKey } }] = Shards;
  const NewStartingHashKey = ((BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n).toString();
  await kinesis.splitShard({ StreamName, ShardToSplit, NewStartingHashKey }).promise();
  await active(StreamName);
}

/** `keys` × `each` messages, the keys taking turns. */
function messages(keys, each, first = 0) {
  const numbers = Array.from({ length: each }, (_, n) => first + n);
  return numbers.flatMap((n) => Array.from({ length: keys }, (_, k) => ({ key: `key-${k}`, n })));
}

/** Nothing lost, nothing twice, in order per key. */
function held(got, sent) {
  const name = ({ key, n }) => `${key}/${n}`;
  const names = new Set(got.map(name));
  const lost = sent.filter((m) => !names.has(name(m)));
  assert.equal(lost.length, 0, `${lost.length} of ${sent.length} lost, such as ${lost.length && name(lost[0])}`);
  assert.equal(got.length, names.size, `${got.length - names.size} records came twice`);
  assert.equal(got.length, sent.length, `${got.length - sent.length} records that nobody sent`);
  const last = {};
  for (const { key, n } of got) {
    assert.ok(!(last[key] >= n), `${key}: ${n} after ${last[key]}`);
    last[key] = n;
  }
}

// Its fan-out consumer takes port and scheme from the endpoint, but the host from the region: as if DNS led that name here.
const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host === "kinesis.us-east-1.amazonaws.com" ? "127.0.0.1" : host, ...rest);

// What is no fault of the server: its parser takes one frame from each chunk and stumbles over two; then it subscribes
// again, at once, and is told of the published rate of one subscription a second; fan-out stores no times of arrival.
const expected = new RegExp(
  [
    "Message: Expected \\d+ bytes in the buffer",
    "Rate exceeded for SubscribeToShard",
    "^Subscription unsuccessful: 400$",
    "arrival timestamp provided, it was null",
  ].join("|"),
);
let complaints = [];
function logger() {
  // Of its own case: what a consumer still says later is nobody's.
  const mine = complaints;
  const complain = (...words) => expected.test(words.join(" ")) || mine.push(words.join(" "));
  return { debug: process.env.VERBOSE ? console.error : () => {}, warn: complain, error: complain };
}

/** A client with short intervals; what it reads is in `got`. */
function client(streamName, options = {}) {
  const { dynamoDb, ...rest } = options;
  const lifion = new Lifion({
    ...aws, streamName, logger: logger(), consumerGroup: "group", initialPositionInStream: "TRIM_HORIZON", noRecordsPollDelay: 250,
    leaseAcquisitionInterval: 500, leaseAcquisitionRecoveryInterval: 500, maxEnhancedConsumers: 2,
    dynamoDb: { ...aws, tableName: `${streamName}-state`, ...dynamoDb }, ...rest,
  });
  lifion.got = [];
  lifion.shards = new Set();
  lifion.on("data", ({ records, shardId }) => {
    lifion.shards.add(shardId);
    lifion.got.push(...records.map((record) => record.data));
  });
  const mine = complaints;
  lifion.on("error", (error) => mine.push(`${error}`));
  return lifion;
}

async function put(lifion, sent) {
  for (let from = 0; from < sent.length; from += 100) {
    const records = sent.slice(from, from + 100).map((data) => ({ data, partitionKey: data.key }));
    await lifion.putRecords({ records });
  }
}

/** Runs `use` while the consumers read, and stops them whatever happens. */
async function reading(consumers, use) {
  await Promise.all(consumers.map((consumer) => consumer.startConsumer()));
  try {
    await use();
  } finally {
    for (const consumer of consumers) stop(consumer);
  }
}

/** It fails to stop what it stopped before, which it does when a shard has ended. */
function stop(consumer) {
  try {
    consumer.stopConsumer();
  } catch (error) {
    assert.match(error.message, /undefined \(reading 'stop'\)/);
  }
}

/** Makes those that read the stream so far a minute older, so that their leases are free. */
async function gone(streamName) {
  const [TableName, Key] = [`${streamName}-state`, { consumerGroup: "group", streamName }];
  const { Item } = await dynamodb.get({ TableName, Key, ConsistentRead: true }).promise();
  const old = new Date(Date.now() - 120_000).toISOString();
  for (const consumer of Object.values(Item.consumers)) consumer.heartbeat = old;
  await dynamodb.put({ TableName, Item }).promise();
}

const arrived = (consumer, count) => eventually(() => consumer.got.length >= count);

cases.a_stream_is_made_and_polled = async () => {
  const sent = messages(8, 50);
  const lifion = client(fresh("lifion"), { shardCount: 2, tags: { team: "water" } });
  const { sequenceNumber, shardId } = await lifion.putRecord({ data: sent[0], partitionKey: sent[0].key });
  assert.ok(/^\d{56}$/.test(sequenceNumber) && /^shardId-\d{12}$/.test(shardId));
  await put(lifion, sent.slice(1));
  assert.equal((await lifion.listShards()).length, 2);
  await reading([lifion], () => arrived(lifion, sent.length));
  held(lifion.got, sent);
};

cases.enhanced_fan_out = async () => {
  const name = await stream(2);
  const [before, after] = [messages(8, 50), messages(8, 50, 50)];
  const lifion = client(name, { useEnhancedFanOut: true });
  await put(lifion, before);
  await reading([lifion], async () => {
    await arrived(lifion, before.length);
    await put(lifion, after);
    await arrived(lifion, before.length + after.length);
  });
  assert.equal(lifion.shards.size, 2);
  held(lifion.got, [...before, ...after]);
};

for (const useEnhancedFanOut of [false, true]) {
  const how = useEnhancedFanOut ? "fan_out" : "polling";

  cases[`${how}_goes_on_from_its_checkpoint`] = async () => {
    const name = await stream(1);
    const [before, after] = [messages(4, 25), messages(4, 25, 25)];
    const first = client(name, { useEnhancedFanOut });
    await put(first, before);
    await reading([first], async () => {
      await arrived(first, before.length);
      // The checkpoint is stored beside the records, not before them.
      await pause(500);
    });
    await gone(name);
    // One subscription to a shard in a second, as published.
    await pause(1200);
    await put(first, after);
    const second = client(name, { useEnhancedFanOut });
    await reading([second], () => arrived(second, after.length));
    held(first.got, before);
    held(second.got, after);
  };

  cases[`${how}_follows_a_split`] = async () => {
    const name = await stream(1);
    const [before, after] = [messages(6, 30), messages(6, 30, 30)];
    const lifion = client(name, { useEnhancedFanOut });
    await put(lifion, before);
    await reading([lifion], async () => {
      await arrived(lifion, 1);
      await split(name);
      await put(lifion, after);
      await arrived(lifion, before.length + after.length);
    });
    assert.deepEqual([...lifion.shards].map((id) => id.slice(-1)).sort(), ["0", "1", "2"]);
    held(lifion.got, [...before, ...after]);
  };
}

cases.two_share_the_shards = async () => {
  const name = await stream(1);
  const [before, after] = [messages(12, 20), messages(12, 20, 20)];
  const both = [client(name), client(name)];
  const got = () => both.flatMap((one) => one.got);
  await put(both[0], before);
  // Nobody gives a lease away. When the shard of the one has ended, each may have one of the two that follow.
  await reading(both, async () => {
    await eventually(() => got().length >= before.length);
    await split(name);
    await put(both[0], after);
    await eventually(() => got().length >= before.length + after.length);
  });
  assert.ok(both.every((one) => one.got.length > 0), `${both.map((one) => one.got.length)}`);
  held(got().sort((a, b) => a.n - b.n), [...before, ...after]);
};

cases.packed_records = async () => {
  const name = await stream(1);
  const sent = messages(5, 100);
  const packer = new RecordAggregator();
  for (const m of sent) packer.addUserRecord({ partitionKey: m.key, data: Buffer.from(JSON.stringify(m)) });
  const { partitionKey, data } = packer.build();
  await kinesis.putRecord({ StreamName: name, PartitionKey: partitionKey, Data: data }).promise();
  for (const useEnhancedFanOut of [false, true]) {
    const lifion = client(name, { useEnhancedFanOut, shouldDeaggregate: true, consumerGroup: `${useEnhancedFanOut}` });
    await reading([lifion], () => arrived(lifion, sent.length));
    held(lifion.got, sent);
  }
};

cases.compressed_records = async () => {
  const name = await stream(1);
  const sent = messages(3, 20);
  const lifion = client(name, { compression: "LZ-UTF8" });
  await put(lifion, sent);
  await reading([lifion], () => arrived(lifion, sent.length));
  held(lifion.got, sent);
};

cases.one_page_at_a_time = async () => {
  const name = await stream(1);
  const sent = messages(3, 20);
  const lifion = client(name, { usePausedPolling: true, limit: 10 });
  await put(lifion, sent);
  const pages = [];
  lifion.on("data", ({ records, continuePolling }) => {
    pages.push(records.length);
    // Slower than the published five calls a second.
    setTimeout(continuePolling, 250);
  });
  await reading([lifion], () => arrived(lifion, sent.length));
  assert.ok(pages.every((length) => length <= 10), `${pages}`);
  held(lifion.got, sent);
};

cases.its_table_has_tags = async () => {
  const name = await stream(1);
  const lifion = client(name, { dynamoDb: { tags: { team: "water" } } });
  await reading([lifion], async () => {});
  const tables = new AWS.DynamoDB(aws);
  const { Table } = await tables.describeTable({ TableName: `${name}-state` }).promise();
  const { Tags } = await tables.listTagsOfResource({ ResourceArn: Table.TableArn }).promise();
  assert.deepEqual(Tags, [{ Key: "team", Value: "water" }]);
};

const wanted = new Set(process.argv.slice(2));
for (const [name, run] of Object.entries(cases)) {
  if (wanted.size && !wanted.has(name)) continue;
  complaints = [];
  const late = new Promise((_, failed) => setTimeout(() => failed(new Error("timeout")), 60_000).unref());
  try {
    await Promise.race([run(), late]);
    assert.deepEqual(complaints, []);
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(error);
    const why = [error.message, ...complaints.slice(0, 2)].join("; ");
    console.log(`not ok ${name} # ${why.replace(/\s+/g, " ").slice(0, 400)}`);
  }
}
process.exit(0);
