import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.avro.file.DataFileStream;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.DatanodeReportType;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction;
import org.apache.hadoop.hdfs.tools.DFSck;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.SequenceFile;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.Writable;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.hadoop.util.ReflectionUtils;
import org.apache.hadoop.util.ToolRunner;

/**
 * Hadoop's own client, one process for many questions: a test that reads ten thousand files must not start ten thousand machines.
 *
 * A request on standard input is a count of words and the words; an answer on standard output is a row of frames and an end. A word is a
 * four-byte length and bytes; a frame is a letter and what belongs to it:
 *   F  a file: path, length (eight bytes), whether it is closed (one byte)
 *   R  a record of it: key, value
 *   D  why the rest of it cannot be read
 *   N  a number (eight bytes)
 *   S  text
 *   X  why the request failed
 *   E  the end of the answer
 */
public final class HdfsClient {
    private static final String IN_USE = ".tmp";

    private final Configuration configuration = new Configuration();
    private final DataOutputStream answers;
    private final DistributedFileSystem files;

    private HdfsClient(DataOutputStream answers) throws IOException {
        this.answers = answers;
        this.files = (DistributedFileSystem) FileSystem.get(configuration);
    }

    public static void main(String[] arguments) throws IOException {
        PrintStream out = System.out;
        System.setOut(System.err);
        HdfsClient client = new HdfsClient(new DataOutputStream(new BufferedOutputStream(out, 1 << 16)));
        DataInputStream requests = new DataInputStream(new BufferedInputStream(System.in));
        while (true) {
            List<String> words = new ArrayList<>();
            try {
                for (int left = requests.readInt(); left > 0; left--) {
                    words.add(new String(requests.readNBytes(requests.readInt()), StandardCharsets.UTF_8));
                }
            } catch (EOFException nobodyAsks) {
                return;
            }
            client.answer(words);
        }
    }

    private void answer(List<String> words) throws IOException {
        try {
            String[] rest = words.subList(1, words.size()).toArray(new String[0]);
            switch (words.get(0)) {
                case "list" -> list(rest[0]);
                case "read" -> read(rest[0]);
                case "live" -> live();
                case "shell" -> run(output -> ToolRunner.run(new FsShell(configuration), rest));
                case "fsck" -> run(output -> ToolRunner.run(new DFSck(configuration, output), rest));
                default -> throw new IllegalArgumentException("unknown request " + words);
            }
        } catch (Exception failure) {
            failure.printStackTrace();
            answers.writeByte('X');
            word(failure.toString());
        }
        answers.writeByte('E');
        answers.flush();
    }

    /** DataNodes that serve; none as long as the NameNode is in safe mode. */
    private void live() throws IOException {
        boolean safe = files.setSafeMode(SafeModeAction.SAFEMODE_GET);
        answers.writeByte('N');
        answers.writeLong(safe ? 0 : files.getDataNodeStats(DatanodeReportType.LIVE).length);
    }

    private interface Command {
        int run(PrintStream output) throws Exception;
    }

    /** A command line tool's exit code and everything it says. */
    private void run(Command command) throws Exception {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(said, true);
        PrintStream out = System.out, error = System.err;
        System.setOut(capture);
        System.setErr(capture);
        long code;
        try {
            code = command.run(capture);
        } finally {
            System.setOut(out);
            System.setErr(error);
        }
        answers.writeByte('N');
        answers.writeLong(code);
        answers.writeByte('S');
        word(said.toByteArray());
    }

    private List<LocatedFileStatus> below(String path) throws IOException {
        List<LocatedFileStatus> found = new ArrayList<>();
        try {
            RemoteIterator<LocatedFileStatus> all = files.listFiles(new Path(path), true);
            while (all.hasNext()) {
                found.add(all.next());
            }
        } catch (FileNotFoundException nothingThereYet) {
            return found;
        }
        Collections.sort(found);
        return found;
    }

    private void list(String path) throws IOException {
        for (LocatedFileStatus status : below(path)) {
            file(status, status.getLen());
        }
    }

    private void file(LocatedFileStatus status, long length) throws IOException {
        answers.writeByte('F');
        word(status.getPath().toUri().getPath());
        answers.writeLong(length);
        boolean closed;
        try {
            closed = files.isFileClosed(status.getPath());
        } catch (FileNotFoundException renamedSinceItWasListed) {
            closed = true;
        }
        answers.writeByte(closed ? 1 : 0);
    }

    private void read(String path) throws IOException {
        CompressionCodecFactory codecs = new CompressionCodecFactory(configuration);
        for (LocatedFileStatus status : below(path)) {
            // Asked before the file is opened: what is written in between is not read.
            try (FSDataInputStream visible = files.open(status.getPath())) {
                file(status, ((org.apache.hadoop.hdfs.client.HdfsDataInputStream) visible).getVisibleLength());
                records(status.getPath(), visible, codecs);
            } catch (FileNotFoundException renamedSinceItWasListed) {
                continue;
            } catch (EOFException cut) {
                damage("cut off: " + cut);
            } catch (IOException | RuntimeException failure) {
                failure.printStackTrace();
                damage(failure.toString());
            }
        }
    }

    private void damage(String what) throws IOException {
        answers.writeByte('D');
        word(what);
    }

    /** As `hadoop fs -text` tells them apart: by their first bytes, else by the codec that the name stands for, else lines. */
    private void records(Path path, FSDataInputStream file, CompressionCodecFactory codecs) throws IOException {
        byte[] magic = file.readNBytes(4);
        file.seek(0);
        if (magic.length >= 3 && magic[0] == 'S' && magic[1] == 'E' && magic[2] == 'Q') {
            sequence(path);
            return;
        }
        if (magic.length == 4 && magic[0] == 'O' && magic[1] == 'b' && magic[2] == 'j' && magic[3] == 1) {
            avro(file);
            return;
        }
        String name = path.getName();
        CompressionCodec codec =
            codecs.getCodec(new Path(name.endsWith(IN_USE) ? name.substring(0, name.length() - IN_USE.length()) : name));
        lines(codec == null ? file : codec.createInputStream(file));
    }

    private void lines(InputStream stream) throws IOException {
        byte[] buffer = new byte[1 << 16];
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int got = stream.read(buffer); got >= 0; got = stream.read(buffer)) {
            int start = 0;
            for (int at = 0; at < got; at++) {
                if (buffer[at] == '\n') {
                    line.write(buffer, start, at - start);
                    record(new byte[0], line.toByteArray());
                    line.reset();
                    start = at + 1;
                }
            }
            line.write(buffer, start, got - start);
        }
        if (line.size() > 0) {
            damage("cut off: a last line of " + line.size() + " bytes does not end");
        }
    }

    private void sequence(Path path) throws IOException {
        try (SequenceFile.Reader reader = new SequenceFile.Reader(configuration, SequenceFile.Reader.file(path))) {
            Writable key = (Writable) ReflectionUtils.newInstance(reader.getKeyClass(), configuration);
            Writable value = (Writable) ReflectionUtils.newInstance(reader.getValueClass(), configuration);
            while (reader.next(key, value)) {
                record(bytes(key), bytes(value));
            }
        }
    }

    private static byte[] bytes(Writable value) {
        if (value instanceof Text text) {
            return text.copyBytes();
        }
        return value instanceof BytesWritable bytes ? bytes.copyBytes() : value.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Flume's container has headers and a body; any other record is its JSON. */
    private void avro(InputStream stream) throws IOException {
        try (DataFileStream<GenericRecord> reader = new DataFileStream<>(stream, new GenericDatumReader<>())) {
            for (GenericRecord found : reader) {
                if (found.hasField("body") && found.get("body") instanceof ByteBuffer body) {
                    byte[] value = new byte[body.remaining()];
                    body.get(value);
                    record(String.valueOf(found.get("headers")).getBytes(StandardCharsets.UTF_8), value);
                } else {
                    record(new byte[0], found.toString().getBytes(StandardCharsets.UTF_8));
                }
            }
        }
    }

    private void record(byte[] key, byte[] value) throws IOException {
        answers.writeByte('R');
        word(key);
        word(value);
    }

    private void word(String text) throws IOException {
        word(text.getBytes(StandardCharsets.UTF_8));
    }

    private void word(byte[] bytes) throws IOException {
        answers.writeInt(bytes.length);
        answers.write(bytes);
    }
}
