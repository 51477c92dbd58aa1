import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flume.Context;
import org.apache.flume.Event;
import org.apache.flume.interceptor.Interceptor;

/** The rules of plugins/fraud-score with their defaults, as one writes them in Java. What is no transaction is dropped: Flume has no place for it. */
public final class FraudScore implements Interceptor {
    private static final Set<String> RISKY_MCCS = Set.of("4829", "5933", "6051", "6211", "7995");

    private final ObjectReader reader = new ObjectMapper().readerFor(Transaction.class);
    /** Transactions of a card so far in this batch. */
    private final Map<String, Integer> seen = new HashMap<>();

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Transaction {
        public Object id;
        public String card;
        public double amount;
        public String currency;
        public String merchant;
        public String mcc;
        public String country;
        public String home;
        public long ts;

        boolean isWhole() {
            return id != null && card != null && currency != null && merchant != null && mcc != null && country != null && home != null;
        }
    }

    @Override
    public void initialize() {}

    @Override
    public Event intercept(Event event) {
        Transaction transaction;
        try {
            transaction = reader.readValue(event.getBody());
        } catch (IOException e) {
            return null;
        }
        if (!transaction.isWhole() || transaction.amount < 0) {
            return null;
        }
        int points = points(transaction, seen.merge(transaction.card, 1, Integer::sum) - 1);
        Map<String, String> headers = event.getHeaders();
        headers.put("fraud.score", text(points));
        headers.put("fraud.verdict", points >= 800 ? "refuse" : points >= 500 ? "review" : "approve");
        return event;
    }

    @Override
    public List<Event> intercept(List<Event> events) {
        seen.clear();
        List<Event> kept = new ArrayList<>(events.size());
        for (Event event : events) {
            Event judged = intercept(event);
            if (judged != null) {
                kept.add(judged);
            }
        }
        return kept;
    }

    private static int points(Transaction transaction, int before) {
        int points = (int) Math.round(400.0 * Math.min(transaction.amount / 1000.0, 1.0));
        points += Math.min(before * 100, 300);
        if (!transaction.country.equals(transaction.home)) {
            points += 200;
        }
        if (RISKY_MCCS.contains(transaction.mcc)) {
            points += 250;
        }
        return Math.min(points, 1000);
    }

    private static String text(int points) {
        return new String(new char[] {digit(points, 1000), '.', digit(points, 100), digit(points, 10), digit(points, 1)});
    }

    private static char digit(int points, int unit) {
        return (char) ('0' + points / unit % 10);
    }

    @Override
    public void close() {}

    public static final class Builder implements Interceptor.Builder {
        @Override
        public void configure(Context context) {}

        @Override
        public Interceptor build() {
            return new FraudScore();
        }
    }
}
