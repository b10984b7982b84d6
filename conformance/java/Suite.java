// The AWS SDK for Java 2 (asynchronous client) against Millrace: CBOR bodies, HTTP/2 without ALPN, enhanced fan-out.

import java.io.FileInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.TrustManagerFactory;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.*;

public final class Suite {
    interface Body {
        void run() throws Exception;
    }

    static final String ENDPOINT = System.getenv("ENDPOINT");
    static final KinesisAsyncClient KINESIS = client("test");

    static KinesisAsyncClient client(String secret) {
        NettyNioAsyncHttpClient.Builder http = NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP2);
        String file = System.getenv("CA_FILE");
        if (file != null && ENDPOINT.startsWith("https")) {
            http.tlsTrustManagersProvider(() -> {
                try (FileInputStream in = new FileInputStream(file)) {
                    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
                    store.load(null, null);
                    store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
                    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                    trust.init(store);
                    return trust.getTrustManagers();
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
        }
        return KinesisAsyncClient.builder()
            .endpointOverride(URI.create(ENDPOINT))
            .region(Region.US_EAST_1)
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", secret)))
            .httpClientBuilder(http)
            .overrideConfiguration(c -> c.retryStrategy(r -> r.maxAttempts(1)).apiCallTimeout(Duration.ofSeconds(20)))
            .build();
    }

    static <T> T get(CompletableFuture<T> future) throws Exception {
        try {
            return future.get(25, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException error) {
            throw error.getCause() instanceof Exception cause ? cause : error;
        }
    }

    static void check(boolean holds, Object shown) {
        if (!holds) {
            throw new AssertionError(String.valueOf(shown));
        }
    }

    static String stream(int shards) throws Exception {
        String name = "java-" + UUID.randomUUID();
        get(KINESIS.createStream(r -> r.streamName(name).shardCount(shards)));
        active(name);
        return name;
    }

    static void active(String name) throws Exception {
        for (int i = 0; i < 200; i++) {
            StreamDescriptionSummary s =
                get(KINESIS.describeStreamSummary(r -> r.streamName(name))).streamDescriptionSummary();
            if (s.streamStatus() == StreamStatus.ACTIVE) {
                return;
            }
            Thread.sleep(25);
        }
        throw new AssertionError("never ACTIVE");
    }

    static void createDescribeDelete() throws Exception {
        String name = stream(2);
        StreamDescription d = get(KINESIS.describeStream(r -> r.streamName(name))).streamDescription();
        check(d.shards().size() == 2, d);
        check(Math.abs(d.streamCreationTimestamp().toEpochMilli() - System.currentTimeMillis()) < 60_000, d);
        get(KINESIS.addTagsToStream(r -> r.streamName(name).tags(Map.of("a", "1"))));
        check(get(KINESIS.listTagsForStream(r -> r.streamName(name))).tags().size() == 1, "tags");
        get(KINESIS.deleteStream(r -> r.streamName(name)));
    }

    static void putAndGetInCbor() throws Exception {
        String name = stream(1);
        byte[] data = new byte[3000];
        new java.util.Random(1).nextBytes(data);
        PutRecordResponse put =
            get(KINESIS.putRecord(r -> r.streamName(name).partitionKey("ключ").data(SdkBytes.fromByteArray(data))));
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            String text = Integer.toString(i);
            entries.add(PutRecordsRequestEntry.builder().partitionKey(text).data(SdkBytes.fromUtf8String(text)).build());
        }
        check(get(KINESIS.putRecords(r -> r.streamName(name).records(entries))).failedRecordCount() == 0, "failed");
        String it = get(KINESIS.getShardIterator(r -> r.streamName(name).shardId(put.shardId())
            .shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(Instant.now().minusSeconds(600)))).shardIterator();
        List<software.amazon.awssdk.services.kinesis.model.Record> got = new ArrayList<>();
        while (got.size() < 501) {
            String from = it;
            GetRecordsResponse page = get(KINESIS.getRecords(r -> r.shardIterator(from)));
            got.addAll(page.records());
            it = page.nextShardIterator();
            check(!page.records().isEmpty(), "no progress at " + got.size());
        }
        check(java.util.Arrays.equals(got.get(0).data().asByteArray(), data), "bytes differ");
        check(got.get(0).partitionKey().equals("ключ"), got.get(0).partitionKey());
        check(got.get(0).sequenceNumber().equals(put.sequenceNumber()), got.get(0));
        check(Math.abs(got.get(0).approximateArrivalTimestamp().toEpochMilli() - System.currentTimeMillis()) < 60_000,
            got.get(0).approximateArrivalTimestamp());
    }

    static void reshard() throws Exception {
        String name = stream(1);
        get(KINESIS.splitShard(r -> r.streamName(name).shardToSplit("shardId-000000000000").newStartingHashKey("12345")));
        active(name);
        check(get(KINESIS.listShards(r -> r.streamName(name))).shards().size() == 3, "shards");
        get(KINESIS.updateShardCount(
            r -> r.streamName(name).targetShardCount(4).scalingType(ScalingType.UNIFORM_SCALING)));
        active(name);
        check(get(KINESIS.listShards(r -> r.streamName(name).shardFilter(f -> f.type(ShardFilterType.AT_LATEST))))
            .shards().size() == 4, "open shards");
    }

    static void waiter() throws Exception {
        String name = "java-" + UUID.randomUUID();
        get(KINESIS.createStream(r -> r.streamName(name).shardCount(1)));
        get(KINESIS.waiter().waitUntilStreamExists(r -> r.streamName(name)));
    }

    static void manyAtOnce() throws Exception {
        String name = stream(2);
        List<CompletableFuture<PutRecordResponse>> puts = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            String text = Integer.toString(i);
            puts.add(KINESIS.putRecord(r -> r.streamName(name).partitionKey(text).data(SdkBytes.fromUtf8String(text))));
        }
        java.util.Set<String> numbers = new java.util.HashSet<>();
        for (CompletableFuture<PutRecordResponse> put : puts) {
            PutRecordResponse done = get(put);
            numbers.add(done.shardId() + done.sequenceNumber());
        }
        check(numbers.size() == 300, numbers.size());
    }

    static void enhancedFanOut() throws Exception {
        String name = stream(1);
        String arn = get(KINESIS.describeStreamSummary(r -> r.streamName(name))).streamDescriptionSummary().streamARN();
        String consumer = get(KINESIS.registerStreamConsumer(r -> r.streamARN(arn).consumerName("reader")))
            .consumer().consumerARN();
        for (int i = 0; i < 200; i++) {
            if (get(KINESIS.describeStreamConsumer(r -> r.consumerARN(consumer))).consumerDescription()
                .consumerStatus() == ConsumerStatus.ACTIVE) {
                break;
            }
            Thread.sleep(25);
        }
        CompletableFuture<String> pushed = new CompletableFuture<>();
        SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder()
            .onError(pushed::completeExceptionally)
            .subscriber(event -> {
                if (event instanceof SubscribeToShardEvent e && !e.records().isEmpty()) {
                    pushed.complete(e.records().get(0).data().asUtf8String());
                }
            })
            .build();
        CompletableFuture<Void> subscription = KINESIS.subscribeToShard(r -> r.consumerARN(consumer)
            .shardId("shardId-000000000000").startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
        get(KINESIS.putRecord(r -> r.streamName(name).partitionKey("a").data(SdkBytes.fromUtf8String("pushed"))));
        check(get(pushed).equals("pushed"), "pushed");
        subscription.cancel(true);
    }

    static void errorsHaveTheirType() throws Exception {
        try {
            get(KINESIS.describeStream(r -> r.streamName("nowhere")));
            throw new AssertionError("expected a refusal");
        } catch (ResourceNotFoundException expected) {
            check(expected.awsErrorDetails().errorMessage().contains("nowhere"), expected);
        }
        try (KinesisAsyncClient wrong = client("wrong")) {
            get(wrong.listStreams());
            throw new AssertionError("expected a refusal");
        } catch (KinesisException expected) {
            check("InvalidSignatureException".equals(expected.awsErrorDetails().errorCode()), expected);
        }
    }

    public static void main(String[] args) {
        Map<String, Body> cases = new LinkedHashMap<>();
        cases.put("create_describe_delete", Suite::createDescribeDelete);
        cases.put("put_and_get_in_cbor", Suite::putAndGetInCbor);
        cases.put("reshard", Suite::reshard);
        cases.put("waiter", Suite::waiter);
        cases.put("many_at_once", Suite::manyAtOnce);
        cases.put("enhanced_fan_out", Suite::enhancedFanOut);
        cases.put("errors_have_their_type", Suite::errorsHaveTheirType);
        int failed = 0;
        for (Map.Entry<String, Body> entry : cases.entrySet()) {
            try {
                entry.getValue().run();
                System.out.println("ok " + entry.getKey());
            } catch (Throwable error) {
                failed++;
                error.printStackTrace();
                String why = String.valueOf(error).replaceAll("\\s+", " ");
                System.out.println("not ok " + entry.getKey() + " # " + why);
            }
        }
        System.exit(failed == 0 ? 0 : 1);
    }
}
