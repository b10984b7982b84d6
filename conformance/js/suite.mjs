// @aws-sdk/client-kinesis against Millrace: its default handler speaks HTTP/2, in clear with prior knowledge and over TLS.
import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import {
  CreateStreamCommand, DeleteStreamCommand, DescribeStreamCommand, DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand,
  ListStreamsCommand, PutRecordCommand, PutRecordsCommand, RegisterStreamConsumerCommand, SplitShardCommand,
  SubscribeToShardCommand, waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";

const endpoint = process.env.ENDPOINT;
const config = {
  endpoint, region: "us-east-1", maxAttempts: 1,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};
const kinesis = new KinesisClient(config);
const send = (command) => kinesis.send(command);
const fresh = () => `js-${randomBytes(6).toString("hex")}`;
const cases = {};

async function stream(ShardCount = 1) {
  const StreamName = fresh();
  await send(new CreateStreamCommand({ StreamName, ShardCount }));
  await active(StreamName);
  return StreamName;
}

async function active(StreamName) {
  for (let i = 0; i < 200; i++) {
    const { StreamDescriptionSummary: s } = await send(new DescribeStreamSummaryCommand({ StreamName }));
    if (s.StreamStatus === "ACTIVE") return s;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error("never ACTIVE");
}

cases.create_describe_delete = async () => {
  const StreamName = await stream(2);
  const { StreamDescription: d } = await send(new DescribeStreamCommand({ StreamName }));
  assert.equal(d.Shards.length, 2);
  assert.ok(d.StreamCreationTimestamp instanceof Date);
  assert.ok((await send(new ListStreamsCommand({ Limit: 1000 }))).StreamNames.includes(StreamName));
  await send(new DeleteStreamCommand({ StreamName }));
};

cases.waiter_and_pages = async () => {
  const StreamName = await stream(5);
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 20 }, { StreamName });
  const ids = [];
  let NextToken;
  do {
    const page = await send(new ListShardsCommand(NextToken ? { NextToken } : { StreamName, MaxResults: 2 }));
    ids.push(...page.Shards.map((s) => s.ShardId));
    ({ NextToken } = page);
  } while (NextToken);
  assert.equal(ids.length, 5);
};

cases.put_and_get = async () => {
  const StreamName = await stream();
  const Data = randomBytes(1000);
  const put = await send(new PutRecordCommand({ StreamName, Data, PartitionKey: "ключ" }));
  const Records = Array.from({ length: 100 }, (_, i) => ({ Data: Buffer.from(`${i}`), PartitionKey: `${i}` }));
  assert.equal((await send(new PutRecordsCommand({ StreamName, Records }))).FailedRecordCount, 0);
  const { ShardIterator } = await send(new GetShardIteratorCommand({
    StreamName, ShardId: put.ShardId, ShardIteratorType: "TRIM_HORIZON",
  }));
  const got = await send(new GetRecordsCommand({ ShardIterator }));
  assert.equal(got.Records.length, 101);
  assert.deepEqual(Buffer.from(got.Records[0].Data), Data);
  assert.equal(got.Records[0].PartitionKey, "ключ");
  assert.equal(got.Records[0].SequenceNumber, put.SequenceNumber);
  assert.ok(Math.abs(got.Records[0].ApproximateArrivalTimestamp - Date.now()) < 60_000);
};

cases.many_at_once_on_one_connection = async () => {
  const StreamName = await stream(2);
  const puts = Array.from({ length: 200 }, (_, i) =>
    send(new PutRecordCommand({ StreamName, Data: Buffer.from(`${i}`), PartitionKey: `${i}` })));
  const numbers = (await Promise.all(puts)).map((p) => `${p.ShardId} ${p.SequenceNumber}`);
  assert.equal(new Set(numbers).size, 200);
};

cases.split = async () => {
  const StreamName = await stream();
  await send(new SplitShardCommand({
    StreamName, ShardToSplit: "shardId-000000000000", NewStartingHashKey: (2n ** 127n).toString(),
  }));
  await active(StreamName);
  assert.equal((await send(new ListShardsCommand({ StreamName }))).Shards.length, 3);
};

cases.subscribe_to_shard = async () => {
  const StreamName = await stream();
  const { StreamDescription: { StreamARN } } = await send(new DescribeStreamCommand({ StreamName }));
  const { Consumer: { ConsumerARN } } = await send(
    new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "reader" }));
  for (let i = 0; i < 200; i++) {
    const { ConsumerDescription: d } = await send(new DescribeStreamConsumerCommand({ ConsumerARN }));
    if (d.ConsumerStatus === "ACTIVE") break;
    await new Promise((done) => setTimeout(done, 25));
  }
  const { EventStream } = await send(new SubscribeToShardCommand({
    ConsumerARN, ShardId: "shardId-000000000000", StartingPosition: { Type: "LATEST" },
  }));
  setTimeout(() => send(new PutRecordCommand({ StreamName, Data: Buffer.from("pushed"), PartitionKey: "a" })), 100);
  for await (const event of EventStream) {
    const { Records, ContinuationSequenceNumber } = event.SubscribeToShardEvent;
    assert.ok(ContinuationSequenceNumber);
    if (Records.length) {
      assert.equal(Buffer.from(Records[0].Data).toString(), "pushed");
      break;
    }
  }
};

cases.errors_have_their_type = async () => {
  await assert.rejects(send(new DescribeStreamCommand({ StreamName: "nowhere" })), { name: "ResourceNotFoundException" });
  const wrong = new KinesisClient({ ...config, credentials: { accessKeyId: "test", secretAccessKey: "no" } });
  await assert.rejects(wrong.send(new ListStreamsCommand({})), { name: "InvalidSignatureException" });
  wrong.destroy();
};

let failed = 0;
for (const [name, body] of Object.entries(cases)) {
  try {
    await Promise.race([body(), new Promise((_, no) => setTimeout(() => no(new Error("timeout")), 30_000).unref())]);
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.error(error);
    console.log(`not ok ${name} # ${String(error).replace(/\s+/g, " ").slice(0, 300)}`);
  }
}
kinesis.destroy();
process.exit(failed ? 1 : 0);
