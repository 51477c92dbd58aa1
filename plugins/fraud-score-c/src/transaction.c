/* Reads transactions: JSON (RFC 8259), strictly, without reading past the end of a body, and without a copy where a text has no escapes. The
 * parser is this plugin's own: the host's JSON columns would need a call and a column a field, and do not tell what is wrong with a body. */
#include "transaction.h"

/* How far values may be nested. */
enum { DEEPEST = 128 };

typedef struct {
    const uint8_t *start, *at, *end;
    const char *error;
} reader;

/* The fields that must be there, those included that the rules do not look at. */
enum { ID, CARD, AMOUNT, CURRENCY, MERCHANT, MCC, COUNTRY, HOME, TS, FIELDS };

static const char *const names[FIELDS] = {"id", "card", "amount", "currency", "merchant", "mcc", "country", "home", "ts"};

/* Notes the first thing that is wrong, and where. */
static bool wrong(reader *in, const char *what) {
    unsigned line = 1;
    const uint8_t *begin = in->start;
    for (const uint8_t *at = in->start; at < in->at; at++)
        if (*at == '\n') line++, begin = at + 1;
    if (!in->error) in->error = weir_format("not a transaction: %s at line %u column %u", what, line, (unsigned)(in->at - begin));
    return false;
}

/* The next byte; 0, which no JSON has outside strings, at the end. */
static uint8_t peek(const reader *in) { return in->at < in->end ? *in->at : 0; }

static bool take(reader *in, uint8_t byte) {
    if (peek(in) != byte) return false;
    in->at++;
    return true;
}

static void space(reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
}

static int hex(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    uint8_t letter = digit | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* `XXXX` of `\uXXXX`; -1 where it is none. */
static int32_t half(reader *in) {
    int32_t value = 0;
    if (in->end - in->at < 4) return -1;
    for (int digit = 0; digit < 4; digit++) {
        int number = hex(*in->at++);
        if (number < 0) return -1;
        value = value * 16 + number;
    }
    return value;
}

static size_t put(uint8_t *out, int32_t point) {
    if (point < 0x80) return out[0] = (uint8_t)point, 1;
    if (point < 0x800) return out[0] = (uint8_t)(0xC0 | point >> 6), out[1] = (uint8_t)(0x80 | (point & 63)), 2;
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xE0 | point >> 12), out[1] = (uint8_t)(0x80 | (point >> 6 & 63)), out[2] = (uint8_t)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | point >> 18), out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 63)), out[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

/* What follows a backslash, unescaped; 0 bytes where it is wrong. At most as long as it is written. */
static size_t escape(reader *in, uint8_t *out) {
    uint8_t code = peek(in);
    if (in->at < in->end) in->at++;
    switch (code) {
    case '"': case '\\': case '/': return out[0] = code, 1;
    case 'b': return out[0] = '\b', 1;
    case 'f': return out[0] = '\f', 1;
    case 'n': return out[0] = '\n', 1;
    case 'r': return out[0] = '\r', 1;
    case 't': return out[0] = '\t', 1;
    case 'u': break;
    default: return 0;
    }
    int32_t point = half(in);
    if (point < 0 || (point >= 0xDC00 && point < 0xE000)) return 0;
    if (point < 0xD800 || point >= 0xE000) return put(out, point);
    if (!take(in, '\\') || !take(in, 'u')) return 0;
    int32_t low = half(in);
    if (low < 0xDC00 || low >= 0xE000) return 0;
    return put(out, 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00));
}

/* The rest of a string that has escapes. */
static bool escaped(reader *in, const uint8_t *start, weir_bytes *text) {
    uint8_t *out = weir_alloc((size_t)(in->end - start));
    size_t len = (size_t)(in->at - start);
    memcpy(out, start, len);
    while (in->at < in->end) {
        uint8_t byte = *in->at++;
        if (byte == '"') {
            *text = weir_bytes_of(out, len);
            return weir_is_utf8(*text) || wrong(in, "invalid unicode code point");
        }
        if (byte < ' ') return wrong(in, "control character in a string");
        if (byte != '\\') {
            out[len++] = byte;
            continue;
        }
        size_t more = escape(in, out + len);
        if (!more) return wrong(in, "invalid escape");
        len += more;
    }
    return wrong(in, "EOF while parsing a string");
}

/* A string's content. */
static bool string(reader *in, weir_bytes *text) {
    if (!take(in, '"')) return wrong(in, "expected a string");
    const uint8_t *start = in->at;
    uint8_t all = 0;
    for (; in->at < in->end; in->at++) {
        uint8_t byte = *in->at;
        if (byte == '"') {
            *text = weir_bytes_of(start, (size_t)(in->at++ - start));
            return all < 0x80 || weir_is_utf8(*text) || wrong(in, "invalid unicode code point");
        }
        if (byte == '\\') return escaped(in, start, text);
        if (byte < ' ') return wrong(in, "control character in a string");
        all |= byte;
    }
    return wrong(in, "EOF while parsing a string");
}

static bool digits(reader *in) {
    const uint8_t *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') in->at++;
    return in->at > start;
}

/* A number as it is written, and whether it is an integer. */
static bool number(reader *in, weir_bytes *text, bool *whole) {
    const uint8_t *start = in->at;
    take(in, '-');
    if (!take(in, '0') && !digits(in)) return false;
    *whole = true;
    if (take(in, '.')) {
        *whole = false;
        if (!digits(in)) return false;
    }
    if (take(in, 'e') || take(in, 'E')) {
        *whole = false;
        if (!take(in, '+')) take(in, '-');
        if (!digits(in)) return false;
    }
    *text = weir_bytes_of(start, (size_t)(in->at - start));
    return true;
}

static bool real(reader *in, double *value) {
    weir_bytes text;
    bool whole;
    if (!number(in, &text, &whole)) return wrong(in, "expected a number");
    return weir_parse_double(text, value) || wrong(in, "number out of range");
}

static bool integer(reader *in, const char *expected) {
    weir_bytes text;
    bool whole;
    int64_t value;
    if (!number(in, &text, &whole) || !whole) return wrong(in, expected);
    return weir_parse_int(text, &value) || wrong(in, "number out of range");
}

static bool literal(reader *in, const char *text) {
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0) return false;
    in->at += len;
    return true;
}

static bool skip(reader *in, int depth);

/* What is in an object or an array, to its end. */
static bool members(reader *in, uint8_t end, int depth) {
    in->at++;
    space(in);
    if (take(in, end)) return true;
    do {
        space(in);
        if (end == '}') {
            weir_bytes key;
            if (!string(in, &key)) return false;
            space(in);
            if (!take(in, ':')) return wrong(in, "expected `:`");
            space(in);
        }
        if (!skip(in, depth + 1)) return false;
        space(in);
    } while (take(in, ','));
    return take(in, end) || wrong(in, end == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
}

/* A value of any kind. */
static bool skip(reader *in, int depth) {
    weir_bytes text;
    bool whole;
    if (depth == DEEPEST) return wrong(in, "recursion limit exceeded");
    switch (peek(in)) {
    case '"': return string(in, &text);
    case '{': return members(in, '}', depth);
    case '[': return members(in, ']', depth);
    default: return literal(in, "true") || literal(in, "false") || literal(in, "null") || number(in, &text, &whole) || wrong(in, "expected value");
    }
}

static int find(weir_bytes key) {
    for (int field = 0; field < FIELDS; field++)
        if (weir_is(key, names[field])) return field;
    return FIELDS;
}

static bool value(reader *in, transaction *into, int field) {
    weir_bytes text;
    switch (field) {
    case CARD: return string(in, &into->card);
    case MCC: return string(in, &into->mcc);
    case COUNTRY: return string(in, &into->country);
    case HOME: return string(in, &into->home);
    case CURRENCY: case MERCHANT: return string(in, &text);
    case AMOUNT: return real(in, &into->amount);
    case TS: return integer(in, "expected an integer");
    case ID: return peek(in) == '"' ? string(in, &text) : integer(in, "expected a string or an integer");
    default: return skip(in, 0);
    }
}

static bool object(reader *in, transaction *into) {
    unsigned seen = 0;
    in->at++;
    space(in);
    for (bool more = !take(in, '}'); more;) {
        weir_bytes key;
        space(in);
        if (!string(in, &key)) return false;
        space(in);
        if (!take(in, ':')) return wrong(in, "expected `:`");
        space(in);
        int field = find(key);
        if (field < FIELDS) {
            if (seen & 1u << field) return wrong(in, weir_format("duplicate field `%s`", names[field]));
            seen |= 1u << field;
        }
        if (!value(in, into, field)) return false;
        space(in);
        more = take(in, ',');
        if (!more && !take(in, '}')) return wrong(in, "expected `,` or `}`");
    }
    for (int field = 0; field < FIELDS; field++)
        if (!(seen & 1u << field)) return wrong(in, weir_format("missing field `%s`", names[field]));
    space(in);
    return in->at == in->end || wrong(in, "trailing characters");
}

const char *transaction_read(transaction *into, weir_bytes body) {
    if (!body.data) return "not a transaction: no body";
    if (!body.len) return "not a transaction: empty body";
    reader in = {body.data, body.data, body.data + body.len, NULL};
    space(&in);
    if (peek(&in) == '[') return "not a transaction: an array, not an object";
    if (peek(&in) != '{') return wrong(&in, "expected an object"), in.error;
    if (!object(&in, into)) return in.error;
    return into->amount < 0 ? weir_format("not a transaction: amount %.15g is negative", into->amount) : NULL;
}
