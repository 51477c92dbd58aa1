/* The host, played natively: see weir_testing.h. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "weir_testing.h"

typedef struct block { struct block *next; } block;
typedef struct entry { struct entry *next; const char *text; uint64_t count; } entry;

struct weir_test {
    block *blocks;
    void *state;
    entry *log, *counters;
    const weir_given *events;
    size_t count;
    weir_judged *judged;
};

/* The test that runs. */
static weir_test *current;

static void *hold(size_t size) {
    block *made = (block *)calloc(1, sizeof(block) + 16 + size);
    if (!made) abort();
    made->next = current->blocks;
    current->blocks = made;
    return (uint8_t *)made + 16;
}

static weir_bytes copy(weir_bytes bytes) {
    if (!bytes.data) return bytes;
    uint8_t *held = (uint8_t *)hold(bytes.len + 1);
    if (bytes.len) memcpy(held, bytes.data, bytes.len);
    return weir_bytes_of(held, bytes.len);
}

/* ---- Events made up ---- */

weir_given weir_given_body(const char *body) {
    weir_given event = {0};
    event.body = weir_str(body);
    return event;
}

static void add_header(weir_given *event, weir_bytes name, weir_bytes value) {
    if (event->header_count == WEIR_GIVEN_HEADERS) {
        fprintf(stderr, "an event for a test has at most %d headers\n", WEIR_GIVEN_HEADERS);
        abort();
    }
    event->headers[event->header_count].name = name;
    event->headers[event->header_count++].value = value;
}

weir_given weir_given_header(weir_given event, const char *name, const char *value) {
    add_header(&event, weir_str(name), weir_str(value));
    return event;
}

static weir_bytes find_header(const weir_given *event, weir_bytes name) {
    for (size_t at = event->header_count; at-- > 0;)
        if (weir_equal(event->headers[at].name, name)) return event->headers[at].value;
    return weir_bytes_of(NULL, 0);
}

weir_bytes weir_given_find(const weir_given *event, const char *name) { return find_header(event, weir_str(name)); }

static void without(weir_given *event, weir_bytes name) {
    size_t kept = 0;
    for (size_t at = 0; at < event->header_count; at++)
        if (!weir_equal(event->headers[at].name, name)) event->headers[kept++] = event->headers[at];
    event->header_count = kept;
}

/* ---- Columns ---- */

static void add(weir__column *column, size_t index, weir_bytes value) {
    if (!value.data) column->nulls.data[column->nulls.len++] = (uint32_t)index;
    if (value.len) memcpy(column->bytes.data + column->bytes.len, value.data, value.len);
    column->bytes.len += value.len;
    column->ends.data[column->ends.len++] = (uint32_t)column->bytes.len;
}

static void make(weir__column *column, const weir_bytes *values, size_t count) {
    size_t size = 0;
    for (size_t at = 0; at < count; at++) size += values[at].len;
    *column = (weir__column){{(uint8_t *)hold(size), 0}, {(uint32_t *)hold(count * 4), 0}, {(uint32_t *)hold(count * 4), 0}};
    for (size_t at = 0; at < count; at++) add(column, at, values[at]);
}

#define COLUMN(result, value)                                                              \
    do {                                                                                   \
        weir_bytes *values = (weir_bytes *)hold(current->count * sizeof(weir_bytes));      \
        for (size_t index = 0; index < current->count; index++) {                          \
            const weir_given *event = &current->events[index];                             \
            values[index] = (value);                                                       \
        }                                                                                  \
        make(result, values, current->count);                                              \
    } while (0)

uint32_t weir__len(uint32_t batch) { return (void)batch, (uint32_t)current->count; }

void weir__timestamps(uint32_t batch, weir__times *result) {
    (void)batch;
    *result = (weir__times){(int64_t *)hold(current->count * 8), current->count};
    for (size_t at = 0; at < current->count; at++)
        result->data[at] = current->events[at].has_timestamp ? current->events[at].timestamp : -1;
}

void weir__keys(uint32_t batch, weir__column *result) {
    (void)batch;
    COLUMN(result, event->key);
}

void weir__bodies(uint32_t batch, weir__column *result) {
    (void)batch;
    COLUMN(result, event->body);
}

void weir__body_ranges(uint32_t batch, uint32_t offset, uint32_t len, weir__column *result) {
    (void)batch;
    COLUMN(result, weir_slice(event->body, offset, len));
}

void weir__header(uint32_t batch, const uint8_t *name, size_t len, weir__column *result) {
    (void)batch;
    COLUMN(result, find_header(event, weir_bytes_of(name, len)));
}

void weir__headers(uint32_t batch, weir__header_table *result) {
    (void)batch;
    size_t all = 0;
    for (size_t at = 0; at < current->count; at++) all += current->events[at].header_count;
    weir_bytes *names = (weir_bytes *)hold(all * sizeof *names), *values = (weir_bytes *)hold(all * sizeof *values);
    result->counts = (weir__words){(uint32_t *)hold(current->count * 4), current->count};
    size_t entry = 0;
    for (size_t at = 0; at < current->count; at++) {
        const weir_given *event = &current->events[at];
        result->counts.data[at] = (uint32_t)event->header_count;
        for (size_t header = 0; header < event->header_count; header++, entry++) {
            names[entry] = event->headers[header].name;
            values[entry] = event->headers[header].value;
        }
    }
    make(&result->names, names, all);
    make(&result->values, values, all);
}

/* ---- JSON, as far as a pointer goes ---- */

typedef struct { const uint8_t *at, *end; bool wrong; int depth; } reader;

static void space(reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
}

static bool take(reader *in, const char *text) {
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0) return false;
    in->at += len;
    return true;
}

static uint32_t hex4(reader *in) {
    uint32_t value = 0;
    for (int digit = 0; digit < 4; digit++, in->at++) {
        int c = in->at < in->end ? *in->at : 0;
        int number = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (number < 0) return in->wrong = true, 0;
        value = value * 16 + (uint32_t)number;
    }
    return value;
}

/* A string's content, unescaped. */
static weir_bytes string(reader *in) {
    uint8_t *out = (uint8_t *)hold((size_t)(in->end - in->at) + 1);
    size_t len = 0;
    if (!take(in, "\"")) in->wrong = true;
    while (!in->wrong) {
        if (in->at >= in->end || *in->at < 0x20) return in->wrong = true, weir_bytes_of(NULL, 0);
        uint8_t c = *in->at++;
        if (c == '"') break;
        if (c != '\\') {
            out[len++] = c;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        c = in->at < in->end ? *in->at++ : 0;
        const char *plain = c ? strchr(from, c) : NULL;
        if (plain) {
            out[len++] = (uint8_t)to[plain - from];
            continue;
        }
        uint32_t point = c == 'u' ? hex4(in) : (in->wrong = true, 0);
        if (point >= 0xD800 && point < 0xDC00) {
            uint32_t low = take(in, "\\u") ? hex4(in) : 0;
            if (low < 0xDC00 || low > 0xDFFF) in->wrong = true;
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        } else if (point >= 0xDC00 && point < 0xE000) {
            in->wrong = true;
        }
        if (point < 0x80) out[len++] = (uint8_t)point;
        else if (point < 0x800) out[len++] = (uint8_t)(0xC0 | point >> 6), out[len++] = (uint8_t)(0x80 | (point & 63));
        else {
            if (point < 0x10000) out[len++] = (uint8_t)(0xE0 | point >> 12);
            else out[len++] = (uint8_t)(0xF0 | point >> 18), out[len++] = (uint8_t)(0x80 | (point >> 12 & 63));
            out[len++] = (uint8_t)(0x80 | (point >> 6 & 63)), out[len++] = (uint8_t)(0x80 | (point & 63));
        }
    }
    return weir_bytes_of(out, len);
}

static void digits(reader *in) {
    const uint8_t *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') in->at++;
    if (in->at == start) in->wrong = true;
}

/* Reads a value, and returns where the rest of the pointer leads in it, as it is written; NULL data where nowhere. */
static weir_bytes read_value(reader *in, const weir_bytes *parts, size_t count) {
    weir_bytes found = weir_bytes_of(NULL, 0);
    if (++in->depth > 128) in->wrong = true;
    space(in);
    const uint8_t *start = in->at;
    uint8_t close = take(in, "{") ? '}' : take(in, "[") ? ']' : 0;
    if (close) {
        space(in);
        bool more = !(in->at < in->end && *in->at == close);
        for (uint64_t index = 0; more && !in->wrong; index++) {
            bool is_it;
            space(in);
            if (close == '}') {
                weir_bytes key = string(in);
                space(in);
                if (!take(in, ":")) in->wrong = true;
                is_it = count && weir_equal(key, parts[0]);
            } else {
                char number[24];
                snprintf(number, sizeof number, "%llu", (unsigned long long)index);
                is_it = count && weir_is(parts[0], number);
            }
            weir_bytes inner = read_value(in, parts + (is_it ? 1 : 0), is_it ? count - 1 : (size_t)-1);
            if (is_it) found = inner;
            space(in);
            more = take(in, ",");
        }
        if (in->wrong || in->at >= in->end || *in->at++ != close) in->wrong = true;
    } else if (in->at < in->end && *in->at == '"') {
        string(in);
    } else if (!take(in, "true") && !take(in, "false") && !take(in, "null")) {
        take(in, "-");
        const uint8_t *first = in->at;
        digits(in);
        if (!in->wrong && *first == '0' && in->at - first > 1) in->wrong = true;
        if (take(in, ".")) digits(in);
        if (take(in, "e") || take(in, "E")) {
            if (!take(in, "-")) take(in, "+");
            digits(in);
        }
    }
    in->depth--;
    if (in->wrong) return weir_bytes_of(NULL, 0);
    return count == 0 ? weir_bytes_of(start, (size_t)(in->at - start)) : found;
}

/* The field as it is written; none where it is absent, null, or the body no JSON. */
static weir_bytes field(weir_bytes body, weir_bytes pointer) {
    weir_bytes parts[64], rest = pointer, part;
    size_t count = 0;
    if (pointer.len && pointer.data[0] != '/') weir_panic("`%s` is not a JSON pointer", weir_cstr(pointer));
    if (pointer.len) weir_next(&rest, '/', &part);
    while (pointer.len && weir_next(&rest, '/', &part) && count < 64) {
        uint8_t *text = (uint8_t *)hold(part.len + 1);
        size_t len = 0;
        for (size_t at = 0; at < part.len; at++) {
            bool escape = part.data[at] == '~' && at + 1 < part.len;
            text[len++] = !escape ? part.data[at] : part.data[++at] == '1' ? '/' : '~';
        }
        parts[count++] = weir_bytes_of(text, len);
    }
    reader in = {body.data, body.data + body.len, !body.data || !weir_is_utf8(body), 0};
    if (in.wrong) return weir_bytes_of(NULL, 0);
    weir_bytes found = read_value(&in, parts, count);
    space(&in);
    return in.wrong || in.at != in.end || weir_is(found, "null") ? weir_bytes_of(NULL, 0) : found;
}

static weir_bytes field_text(weir_bytes body, weir_bytes pointer) {
    weir_bytes found = field(body, pointer);
    if (!found.len || found.data[0] != '"') return found;
    reader in = {found.data, found.data + found.len, false, 0};
    return string(&in);
}

void weir__json_texts(uint32_t batch, const uint8_t *pointer, size_t len, weir__column *result) {
    (void)batch;
    COLUMN(result, field_text(event->body, weir_bytes_of(pointer, len)));
}

void weir__json_numbers(uint32_t batch, const uint8_t *pointer, size_t len, weir__number_column *result) {
    (void)batch;
    size_t count = current->count;
    *result = (weir__number_column){{(double *)hold(count * 8), count}, {(uint32_t *)hold(count * 4), 0}};
    for (size_t at = 0; at < count; at++) {
        weir_bytes found = field(current->events[at].body, weir_bytes_of(pointer, len));
        if (!found.data || !weir_parse_double(found, &result->values.data[at])) {
            result->values.data[at] = 0;
            result->nulls.data[result->nulls.len++] = (uint32_t)at;
        }
    }
}

/* ---- Edits ---- */

static const char *set(weir_given *event, weir_bytes name, weir_bytes value) {
    if (!name.len || !weir_is_utf8(name) || memchr(name.data, 0, name.len)) return "a header name is empty, no UTF-8, or has a NUL in it";
    without(event, name);
    add_header(event, name, value);
    return NULL;
}

static const char *apply(const weir__apply *edits) {
    weir_bytes bytes = copy(weir_bytes_of(edits->lists[WEIR__BYTES].data, edits->lists[WEIR__BYTES].len));
    const char *error = NULL;
#define PIECE(span) weir_bytes_of(bytes.data + (span).offset, (span).len)
#define EACH(type, list)                                                                                  \
    for (const type *edit = (const type *)edits->lists[list].data, *end = edit + edits->lists[list].len; \
         edits->lists[list].len && edit < end; edit++)
    EACH(weir__edit, WEIR__REJECTS) {
        weir_judged *judged = &current->judged[edit->event];
        if (judged->fate != WEIR_KEEP) return "an event is decided twice";
        judged->fate = WEIR_REJECT, judged->reason = PIECE(edit->at);
    }
    EACH(uint32_t, WEIR__DISCARDS) {
        if (current->judged[*edit].fate != WEIR_KEEP) return "an event is decided twice";
        current->judged[*edit].fate = WEIR_DISCARD;
    }
    EACH(weir__edit, WEIR__REMOVE_HEADERS) without(&current->judged[edit->event].event, PIECE(edit->at));
    EACH(weir__header_edit, WEIR__SET_HEADERS) {
        error = set(&current->judged[edit->event].event, PIECE(edit->name), PIECE(edit->value));
        if (error) return error;
    }
    EACH(weir__edit, WEIR__SET_KEYS) current->judged[edit->event].event.key = PIECE(edit->at);
    EACH(uint32_t, WEIR__CLEAR_KEYS) current->judged[*edit].event.key = weir_bytes_of(NULL, 0);
    EACH(weir__edit, WEIR__SET_BODIES) current->judged[edit->event].event.body = PIECE(edit->at);
    EACH(uint32_t, WEIR__CLEAR_BODIES) current->judged[*edit].event.body = weir_bytes_of(NULL, 0);
    size_t count = edits->lists[WEIR__DERIVED].len;
    weir_given *derived = (weir_given *)hold(count * sizeof *derived);
    EACH(weir__derived, WEIR__DERIVED) {
        weir_judged *judged = &current->judged[edit->event];
        if (!judged->derived_count) judged->derived = derived;
        judged->derived_count++;
        derived->body = PIECE(edit->body);
        for (size_t at = 0; at < edit->header_count; at++) {
            error = set(derived, PIECE(edit->headers[at].name), PIECE(edit->headers[at].value));
            if (error) return error;
        }
        derived++;
    }
    return NULL;
}

void weir__apply_edits(const weir__apply *edits, weir__outcome *result) {
    const char *error = apply(edits);
    *result = (weir__outcome){error != NULL, {(void *)error, error ? strlen(error) : 0}};
}

void weir__drop(uint32_t batch) { (void)batch; }

/* ---- Log and counters ---- */

static entry *push_entry(entry **list, weir_bytes text) {
    entry *made = (entry *)hold(sizeof *made);
    made->next = *list, made->text = (const char *)copy(text).data;
    return *list = made;
}

void weir__write(uint32_t level, const uint8_t *message, size_t len) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    fprintf(stderr, "%s: %.*s\n", levels[level > 3 ? 3 : level], (int)len, (const char *)message);
    if (current) push_entry(&current->log, weir_bytes_of(message ? message : (const uint8_t *)"", len));
}

void weir__add(const uint8_t *name, size_t len, uint64_t by) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz", all[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    weir_bytes text = weir_bytes_of(name, len);
    size_t known = 0;
    for (entry *at = current->counters; at; at = at->next, known++)
        if (weir_is(text, at->text)) {
            at->count += by;
            return;
        }
    const char *string = weir_cstr(text);
    /* What the host leaves out. */
    if (known == 64 || !len || len > 64 || !strchr(letters, string[0]) || strspn(string, all) != len) return;
    push_entry(&current->counters, text)->count = by;
}

uint64_t weir_test_counted(const weir_test *test, const char *name) {
    for (entry *at = test->counters; at; at = at->next)
        if (strcmp(at->text, name) == 0) return at->count;
    return 0;
}

size_t weir_test_logged(const weir_test *test, const char *text) {
    size_t lines = 0;
    for (entry *at = test->log; at; at = at->next) lines += strstr(at->text, text) != NULL;
    return lines;
}

/* ---- A test ---- */

static void end(weir_test *test) {
    for (block *at = test->blocks, *next; at; at = next) {
        next = at->next;
        free(at);
    }
    if (current == test) current = NULL;
    free(test);
}

const char *weir_test_try_start(const weir_given_setting *given, size_t count, weir_test **test) {
    *test = NULL;
    for (size_t at = 0; at < count; at++) {
        bool known = false;
        for (size_t of = 0; of < weir_plugin.parameter_count; of++) known = known || strcmp(weir_plugin.parameters[of].name, given[at].name) == 0;
        if (!known) return weir_format("`%s` is unknown", given[at].name);
    }
    weir_test *made = current = (weir_test *)calloc(1, sizeof *made);
    if (!made) abort();
    weir__setting *pairs = (weir__setting *)hold(weir_plugin.parameter_count * sizeof *pairs);
    weir_settings settings = {pairs, 0};
    const char *refusal = NULL;
    for (size_t of = 0; of < weir_plugin.parameter_count && !refusal; of++) {
        const weir_parameter *parameter = &weir_plugin.parameters[of];
        const char *value = parameter->standard;
        for (size_t at = 0; at < count; at++)
            if (strcmp(parameter->name, given[at].name) == 0) value = given[at].value;
        if (value) pairs[settings.count++] = (weir__setting){copy(weir_str(parameter->name)), copy(weir_str(value))};
        else if (parameter->required) refusal = weir_format("`%s` is required", parameter->name);
    }
    if (!refusal) refusal = weir_plugin.configure(&settings, &made->state);
    if (refusal) {
        /* It may be a piece of a setting. */
        refusal = weir_format("%s", refusal);
        end(made);
        return refusal;
    }
    /* As on a host: what `configure` allocated stays. It ends with the program. */
    weir__keep_call();
    *test = made;
    return NULL;
}

static void must(const char *failure) {
    if (!failure) return;
    fprintf(stderr, "%s\n", failure);
    abort();
}

weir_test *weir_test_start(const weir_given_setting *settings, size_t count) {
    weir_test *test;
    must(weir_test_try_start(settings, count, &test));
    return test;
}

const char *weir_test_try_judge(weir_test *test, const weir_given *events, size_t count, const weir_judged **judged) {
    current = test;
    test->events = events, test->count = count;
    test->judged = (weir_judged *)hold(count * sizeof *test->judged);
    for (size_t at = 0; at < count; at++) test->judged[at].event = events[at];
    const char *failure = weir__judge(&weir_plugin, test->state, 0);
    *judged = failure ? NULL : test->judged;
    /* Memory of the call stays until the test ends, since a test makes its own events of it. */
    return failure;
}

const weir_judged *weir_test_judge(weir_test *test, const weir_given *events, size_t count) {
    const weir_judged *judged;
    must(weir_test_try_judge(test, events, count, &judged));
    return judged;
}

void weir_test_end(weir_test *test) {
    end(test);
    weir__free_call();
}
