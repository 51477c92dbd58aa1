import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.SequenceFile;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.Writable;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;

/**
 * Reads files with Hadoop's own classes. Each line of standard input is a kind (sequence, same, stream, avro, parquet) and a path.
 * What the file holds goes to the path with ".read" behind it: "key value", the value in hexadecimal, for each record of a SequenceFile;
 * "same" when Hadoop's own writer, given the records of a SequenceFile and asked for a marker after every hundredth, writes the same bytes;
 * the bytes of a stream; a line of JSON for each record of an Avro container; the rows of a Parquet file as Parquet prints them.
 * What goes wrong with it goes to the path with ".error" behind it.
 */
public class ReadFiles {
    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ", 2);
            try (PrintStream out = new PrintStream(words[1] + ".read", StandardCharsets.UTF_8)) {
                switch (words[0]) {
                    case "sequence" -> sequence(configuration, words[1], out);
                    case "same" -> same(configuration, words[1], out);
                    case "stream" -> stream(configuration, words[1], out);
                    case "avro" -> avro(words[1], out);
                    case "parquet" -> parquet(words[1], out);
                    default -> throw new IllegalArgumentException(line);
                }
            } catch (Throwable error) {
                try (PrintStream out = new PrintStream(words[1] + ".error", StandardCharsets.UTF_8)) {
                    error.printStackTrace(out);
                }
            }
        }
    }

    private static void sequence(Configuration configuration, String path, PrintStream out) throws Exception {
        try (SequenceFile.Reader reader = new SequenceFile.Reader(configuration, SequenceFile.Reader.file(new Path("file://" + path)))) {
            List<String> all = records(reader);
            // As a job does that reads a part of the file: from the first sync marker in its second half.
            reader.sync(new File(path).length() / 2);
            List<String> rest = records(reader);
            if (rest.isEmpty() || rest.size() == all.size() || !rest.equals(all.subList(all.size() - rest.size(), all.size()))) {
                throw new IOException("from the middle on there are " + rest.size() + " records, not the last ones of " + all.size());
            }
            all.forEach(out::println);
        }
    }

    private static void same(Configuration configuration, String path, PrintStream out) throws Exception {
        Path own = new Path("file://" + path + ".own");
        int header;
        try (SequenceFile.Reader reader = new SequenceFile.Reader(configuration, SequenceFile.Reader.file(new Path("file://" + path)));
            SequenceFile.Writer writer = SequenceFile.createWriter(configuration, SequenceFile.Writer.file(own),
                SequenceFile.Writer.keyClass(reader.getKeyClass()), SequenceFile.Writer.valueClass(reader.getValueClass()),
                SequenceFile.Writer.compression(SequenceFile.CompressionType.NONE))) {
            // Magic number, two names behind their lengths, two flags, a count of metadata; then the marker.
            header = 4 + 1 + reader.getKeyClassName().length() + 1 + reader.getValueClassName().length() + 2 + 4;
            LongWritable key = new LongWritable();
            Writable value = (Writable) reader.getValueClass().getDeclaredConstructor().newInstance();
            for (int count = 1; reader.next(key, value); count++) {
                writer.append(key, value);
                if (count % 100 == 0) {
                    writer.sync();
                }
            }
        }
        int difference = Arrays.mismatch(withoutMarkers(path, header), withoutMarkers(path + ".own", header));
        out.println(difference < 0 ? "same" : "byte " + difference + " differs");
    }

    /** A SequenceFile with zeros for its markers, which are random. */
    private static byte[] withoutMarkers(String path, int header) throws IOException {
        byte[] bytes = Files.readAllBytes(java.nio.file.Path.of(path));
        byte[] marker = Arrays.copyOfRange(bytes, header, header + 16);
        for (int at = header; at + 16 <= bytes.length; at++) {
            if (Arrays.equals(bytes, at, at + 16, marker, 0, 16)) {
                Arrays.fill(bytes, at, at + 16, (byte) 0);
            }
        }
        return bytes;
    }

    private static List<String> records(SequenceFile.Reader reader) throws Exception {
        LongWritable key = new LongWritable();
        Writable value = (Writable) reader.getValueClass().getDeclaredConstructor().newInstance();
        List<String> records = new ArrayList<>();
        while (reader.next(key, value)) {
            byte[] bytes = value instanceof Text text ? text.copyBytes() : ((BytesWritable) value).copyBytes();
            records.add(key.get() + " " + HexFormat.of().formatHex(bytes));
        }
        return records;
    }

    private static void stream(Configuration configuration, String path, PrintStream out) throws IOException {
        Path file = new Path("file://" + path);
        CompressionCodec codec = new CompressionCodecFactory(configuration).getCodec(file);
        if (codec == null) {
            throw new IOException("no codec for " + path);
        }
        try (InputStream in = codec.createInputStream(FileSystem.get(file.toUri(), configuration).open(file))) {
            in.transferTo(out);
        }
    }

    private static void avro(String path, PrintStream out) throws IOException {
        try (DataFileReader<Object> reader = new DataFileReader<>(new File(path), new GenericDatumReader<>())) {
            while (reader.hasNext()) {
                out.println(reader.next());
            }
        }
    }

    private static void parquet(String path, PrintStream out) throws IOException {
        try (ParquetReader<Group> reader = ParquetReader.builder(new GroupReadSupport(), new Path("file://" + path)).build()) {
            for (Group row = reader.read(); row != null; row = reader.read()) {
                out.print(row);
            }
        }
    }
}
