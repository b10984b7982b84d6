// A worker of the Kinesis Client Library: compiles with versions 2 and 3.
//
// It reads STREAM for APP ("polling" or "fanout") until SIGTERM, with all clients at ENDPOINT, and writes one line for
// each thing that happens: MICROSECONDS KIND APP SHARD [...]; README.md lists the kinds.

import java.lang.reflect.Method;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.*;
import software.amazon.kinesis.metrics.MetricsConfig;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RetrievalConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public final class Worker {
    static final String STREAM = System.getenv("STREAM");
    static final URI ENDPOINT = URI.create(System.getenv("ENDPOINT"));
    static final Region REGION = Region.of(System.getenv("AWS_REGION"));
    static final long CHECKPOINT_EVERY_MILLIS = 700;
    // Version 2 waits for shards that have ended, too, and so for ever; the others need less than two.
    static final long STOP_SECONDS = 6;

    static synchronized void say(String line) {
        long now = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        System.out.print(now + " " + line + "\n");
        System.out.flush();
    }

    /** Writes records down, and a checkpoint now and then, so that a kill leaves some to be repeated. */
    static final class Processor implements ShardRecordProcessor {
        final String app;
        String shard;
        String last;
        long saved = System.currentTimeMillis();

        Processor(String app) {
            this.app = app;
        }

        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("init " + app + " " + shard + " " + input.extendedSequenceNumber().sequenceNumber());
        }

        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord record : input.records()) {
                String n = StandardCharsets.UTF_8.decode(record.data()).toString();
                last = record.sequenceNumber();
                say("record " + app + " " + shard + " " + record.partitionKey() + " " + n + " " + last);
            }
            if (last != null && System.currentTimeMillis() - saved > CHECKPOINT_EVERY_MILLIS) {
                save(input.checkpointer(), last);
            }
        }

        void save(RecordProcessorCheckpointer checkpointer, String at) {
            try {
                say("saving " + app + " " + shard + " " + at);
                if (at.equals("SHARD_END")) {
                    checkpointer.checkpoint();
                } else {
                    checkpointer.checkpoint(at);
                }
                say("saved " + app + " " + shard + " " + at);
                saved = System.currentTimeMillis();
            } catch (Exception error) {
                say("unsaved " + app + " " + shard + " " + error.getClass().getSimpleName());
            }
        }

        public void leaseLost(LeaseLostInput input) {
            say("lost " + app + " " + shard);
        }

        public void shardEnded(ShardEndedInput input) {
            save(input.checkpointer(), "SHARD_END");
        }

        public void shutdownRequested(ShutdownRequestedInput input) {
            if (last != null) {
                save(input.checkpointer(), last);
            }
        }
    }

    /** Applies those of OPTIONS ("lease.failoverTimeMillis=3000 ...") that are for `scope`; a path may lead through getters. */
    static void options(String scope, Object config) throws Exception {
        for (String option : System.getenv("OPTIONS").trim().split("\\s+")) {
            String[] parts = option.split("=", 2);
            String[] path = parts[0].split("\\.");
            if (!path[0].equals(scope)) {
                continue;
            }
            Object target = config;
            for (int i = 1; i < path.length - 1; i++) {
                target = method(target, path[i], 0).invoke(target);
            }
            Method setter = method(target, path[path.length - 1], 1);
            setter.invoke(target, value(setter.getParameterTypes()[0], parts[1]));
        }
    }

    static Method method(Object target, String name, int parameters) {
        for (Method method : target.getClass().getMethods()) {
            if (method.getName().equals(name) && method.getParameterCount() == parameters) {
                return method;
            }
        }
        throw new IllegalArgumentException("this version of the library has no setting " + name);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object value(Class<?> type, String text) {
        if (type.isEnum()) {
            return Enum.valueOf((Class<Enum>) type, text);
        }
        if (type == boolean.class) {
            return Boolean.valueOf(text);
        }
        return type == int.class ? (Object) Integer.valueOf(text) : Long.valueOf(text);
    }

    public static void main(String[] arguments) throws Exception {
        KinesisAsyncClient kinesis = KinesisClientUtil.createKinesisAsyncClient(
            KinesisAsyncClient.builder().region(REGION).endpointOverride(ENDPOINT));
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().region(REGION).endpointOverride(ENDPOINT).build();
        CloudWatchAsyncClient cloudWatch =
            CloudWatchAsyncClient.builder().region(REGION).endpointOverride(ENDPOINT).build();
        String app = System.getenv("APP");
        ConfigsBuilder configs = new ConfigsBuilder(STREAM, STREAM + "-" + app, kinesis, dynamo, cloudWatch,
            System.getenv("WORKER"), () -> new Processor(app));
        CoordinatorConfig coordinator = configs.coordinatorConfig();
        options("coordinator", coordinator);
        LeaseManagementConfig leases = configs.leaseManagementConfig();
        options("lease", leases);
        MetricsConfig metrics = configs.metricsConfig();
        options("metrics", metrics);
        RetrievalConfig retrieval = configs.retrievalConfig();
        retrieval.initialPositionInStreamExtended(
            InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
        if (app.equals("polling")) {
            PollingConfig polling = new PollingConfig(STREAM, kinesis);
            options("polling", polling);
            retrieval.retrievalSpecificConfig(polling);
        }
        Scheduler scheduler = new Scheduler(configs.checkpointConfig(), coordinator, leases,
            configs.lifecycleConfig(), metrics, configs.processorConfig(), retrieval);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                say("stopped - - " + scheduler.startGracefulShutdown().get(STOP_SECONDS, TimeUnit.SECONDS));
            } catch (Exception error) {
                say("unstopped - - " + error.getClass().getSimpleName());
            }
        }));
        say("started - -");
        scheduler.run();
    }
}
