// A record processor for the MultiLang daemon: appends to EVENTS what Worker.java would print.

"use strict";

const fs = require("fs");
const kcl = require("aws-kcl");

const APP = process.env.APP;
const CHECKPOINT_EVERY_MILLIS = 700;
const events = fs.openSync(process.env.EVENTS, "a");
let shard = "-";
let last = null;
let saved = Date.now();

function say(kind, ...rest) {
  fs.writeSync(events, [Math.trunc((performance.timeOrigin + performance.now()) * 1000), kind, APP, shard, ...rest].join(" ") + "\n");
}

function save(checkpointer, at, done) {
  say("saving", at);
  const answered = (error) => {
    if (error) {
      say("unsaved", String(error).replace(/\s/g, "_"));
    } else {
      say("saved", at);
      saved = Date.now();
    }
    done();
  };
  if (at === "SHARD_END") {
    checkpointer.checkpoint(answered);
  } else {
    checkpointer.checkpoint(at, answered);
  }
}

kcl({
  initialize(input, done) {
    shard = input.shardId;
    say("init", input.sequenceNumber);
    done();
  },
  processRecords(input, done) {
    for (const record of input.records) {
      last = record.sequenceNumber;
      say("record", record.partitionKey, Buffer.from(record.data, "base64").toString(), last);
    }
    if (last !== null && Date.now() - saved > CHECKPOINT_EVERY_MILLIS) {
      save(input.checkpointer, last, done);
    } else {
      done();
    }
  },
  leaseLost(input, done) {
    say("lost");
    done();
  },
  shardEnded(input, done) {
    save(input.checkpointer, "SHARD_END", done);
  },
  shutdownRequested(input, done) {
    if (last !== null) {
      save(input.checkpointer, last, done);
    } else {
      done();
    }
  },
}).run();
