// The Kinesis Producer Library, told line by line what to put: `KEYS EACH FIRST SIZE`, the keys taking turns.
// Prints one line for each record, `KEY N SHARD SEQUENCE ATTEMPTS ERRORS`, with `-` for what there is not, then `done`.

import com.google.common.util.concurrent.ListenableFuture;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import software.amazon.kinesis.producer.Attempt;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordFailedException;
import software.amazon.kinesis.producer.UserRecordResult;

public final class Puts {
    public static void main(String[] arguments) throws Exception {
        KinesisProducer producer =
            new KinesisProducer(KinesisProducerConfiguration.fromPropertiesFile(arguments[0]));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            put(producer, arguments[1], Arrays.stream(line.split(" ")).mapToInt(Integer::parseInt).toArray());
        }
        producer.flushSync();
        producer.destroy();
        System.exit(0);
    }

    static void put(KinesisProducer producer, String stream, int[] wanted) throws Exception {
        int keys = wanted[0], each = wanted[1], first = wanted[2], size = wanted[3];
        List<String> names = new ArrayList<>();
        List<ListenableFuture<UserRecordResult>> results = new ArrayList<>();
        for (int n = first; n < first + each; n++) {
            for (int key = 0; key < keys; key++) {
                String name = "key-" + key;
                byte[] data = Arrays.copyOf((name + "/" + n).getBytes(StandardCharsets.UTF_8),
                    Math.max(size, (name + "/" + n).length()));
                Arrays.fill(data, (name + "/" + n).length(), data.length, (byte) ' ');
                names.add(name + " " + n);
                results.add(producer.addUserRecord(stream, name, ByteBuffer.wrap(data)));
            }
        }
        producer.flush();
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < results.size(); i++) {
            out.append(names.get(i)).append(' ').append(describe(results.get(i))).append('\n');
        }
        System.out.print(out.append("done\n"));
        System.out.flush();
    }

    static String describe(ListenableFuture<UserRecordResult> result) throws InterruptedException {
        try {
            UserRecordResult r = result.get();
            return r.getShardId() + " " + r.getSequenceNumber() + " " + r.getAttempts().size() + " " + errors(r);
        } catch (ExecutionException error) {
            if (error.getCause() instanceof UserRecordFailedException failed) {
                UserRecordResult r = failed.getResult();
                return "- - " + r.getAttempts().size() + " " + errors(r);
            }
            return "- - 0 " + error.getCause().toString().replace(' ', '_');
        }
    }

    static String errors(UserRecordResult result) {
        String codes = result.getAttempts().stream().filter(a -> !a.isSuccessful()).map(Attempt::getErrorCode)
            .map(code -> code.replace(' ', '_')).distinct().collect(Collectors.joining(","));
        return codes.isEmpty() ? "-" : codes;
    }
}
