"""A record processor for the MultiLang daemon: appends to EVENTS what Worker.java would print."""

import os
import time

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

APP = os.environ["APP"]
CHECKPOINT_EVERY_SECONDS = 0.7


class Processor(processor.RecordProcessorBase):
    def __init__(self):
        self.events = os.open(os.environ["EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.shard, self.last, self.saved = "-", None, time.time()

    def say(self, kind, *rest):
        line = " ".join([str(time.time_ns() // 1000), kind, APP, self.shard, *rest])
        os.write(self.events, f"{line}\n".encode())

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        self.say("init", initialize_input.sequence_number)

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            self.last = record.sequence_number
            self.say("record", record.partition_key, record.binary_data.decode(), self.last)
        if self.last and time.time() - self.saved > CHECKPOINT_EVERY_SECONDS:
            self.save(process_records_input.checkpointer, self.last)

    def save(self, checkpointer, at):
        self.say("saving", at)
        try:
            checkpointer.checkpoint(None if at == "SHARD_END" else at)
            self.say("saved", at)
            self.saved = time.time()
        except kcl.CheckpointError as error:
            self.say("unsaved", error.value)

    def lease_lost(self, lease_lost_input):
        self.say("lost")

    def shard_ended(self, shard_ended_input):
        self.save(shard_ended_input.checkpointer, "SHARD_END")

    def shutdown_requested(self, shutdown_requested_input):
        if self.last:
            self.save(shutdown_requested_input.checkpointer, self.last)


if __name__ == "__main__":
    kcl.KCLProcess(Processor()).run()
