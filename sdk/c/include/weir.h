/* Weir interceptors in C and C++: sandboxed WebAssembly components that look at events and say what becomes of them.
 *
 * A plugin defines `weir_plugin`; src/weir.c is compiled with it and has the rest:
 *
 *     static const weir_parameter parameters[] = {
 *         {"limit", "bytes above which an event is marked", false, "1000"},
 *     };
 *     static weir_verdict intercept(void *state, weir_event event) {
 *         weir_bytes body = weir_body(event);
 *         if (!body.data) return weir_reject("no body");
 *         if (body.len > *(size_t *)state) weir_set_header(event, weir_str("large"), weir_str("yes"));
 *         return weir_keep();
 *     }
 *     const weir_plugin_t weir_plugin = {"large-ones", "0.1.0", parameters, 1, configure, intercept, NULL};
 *
 * A batch stays on the host: the bodies come over when weir_body is first called, a header's column when weir_header is, and only what
 * changes goes back. What the functions return are views: not to be written to, without a NUL at the end, and valid until the call is over
 * (settings: as long as the instance lives). Copy what is to stay.
 *
 * There is one instance a memory and one thread in it. State is a cache: it is lost with every trap, and when the host renews the instance. */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The contract the bindings were written for: a digest of wit/interceptor.wit without comments and spaces. A test compares it. */
#define WEIR_CONTRACT "2b11ba3174b380ff"

#if defined(__GNUC__)
#define WEIR_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))
#define WEIR_NORETURN __attribute__((__noreturn__))
#else
#define WEIR_PRINTF(at, first)
#define WEIR_NORETURN
#endif

/* ---- Bytes ---- */

/* A piece of memory. `data` is NULL where there is no value, and is not where the value is empty. */
typedef struct weir_bytes {
    const uint8_t *data;
    size_t len;
} weir_bytes;

/* These bytes. */
static inline weir_bytes weir_bytes_of(const void *data, size_t len) {
    weir_bytes bytes;
    bytes.data = (const uint8_t *)data;
    bytes.len = len;
    return bytes;
}

/* A C string, without its NUL. */
static inline weir_bytes weir_str(const char *text) { return weir_bytes_of(text, strlen(text)); }

/* Whether both are there and the same. */
static inline bool weir_equal(weir_bytes one, weir_bytes other) {
    return one.data && other.data && one.len == other.len && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}

/* Whether it is this text. */
static inline bool weir_is(weir_bytes bytes, const char *text) { return weir_equal(bytes, weir_str(text)); }

/* The piece from `start` on, of at most `len` bytes; never past the end. */
weir_bytes weir_slice(weir_bytes bytes, size_t start, size_t len);

/* Without spaces, tabs and line ends at both ends. */
weir_bytes weir_trim(weir_bytes bytes);

/* Cuts off and returns what is before the next `separator`, or all that is left; false when nothing is. Begin with a copy:
 *     weir_bytes rest = body, line;
 *     while (weir_next(&rest, '\n', &line)) ... */
bool weir_next(weir_bytes *rest, uint8_t separator, weir_bytes *piece);

/* Whether it is UTF-8. */
bool weir_is_utf8(weir_bytes bytes);

/* A whole decimal number and nothing else; false where it is none or too large. */
bool weir_parse_int(weir_bytes text, int64_t *number);

/* A decimal number and nothing else, such as `-1.5e3`: the nearest double; false where it is none or too large. */
bool weir_parse_double(weir_bytes text, double *number);

/* Memory of the call: it is freed when the call is over (in `configure`: with the instance). Aligned to 16 bytes; never NULL. */
void *weir_alloc(size_t size);

/* As snprintf, in memory of the call, with a NUL at the end. `%.*s` with (int)len and data prints bytes. */
const char *weir_format(const char *format, ...) WEIR_PRINTF(1, 2);

/* A NUL-terminated copy, in memory of the call. */
const char *weir_cstr(weir_bytes bytes);

/* ---- Events ---- */

/* Events that travel together, in source order. */
typedef struct weir_batch weir_batch;

/* One event of a batch. Changes do not show in what the functions return: an interceptor sees the event as it came. */
typedef struct weir_event {
    weir_batch *batch;
    uint32_t index;
} weir_event;

/* A name and a value. */
typedef struct weir_header_t {
    weir_bytes name, value;
} weir_header_t;

/* Number of events. */
uint32_t weir_len(const weir_batch *batch);

/* The event at this place, which must be one. */
weir_event weir_at(weir_batch *batch, uint32_t index);

/* Its body; none is Kafka's null value, a tombstone. */
weir_bytes weir_body(weir_event event);

/* Its key. */
weir_bytes weir_key(weir_event event);

/* Milliseconds since the epoch; false where the source knows none. */
bool weir_timestamp(weir_event event, int64_t *milliseconds);

/* The last header of this name. */
weir_bytes weir_header(weir_event event, weir_bytes name);

/* As weir_header; none also where it is not UTF-8. */
weir_bytes weir_header_text(weir_event event, weir_bytes name);

/* How many headers it has, and each, in order: names need not be UTF-8, and one may come more than once. */
size_t weir_header_count(weir_event event);
weir_header_t weir_header_at(weir_event event, size_t number);

/* A field of its JSON body, by RFC 6901 pointer such as `/card/number`: a string's content, anything else as it is written. None where it is
 * absent or `null`, or the body is no JSON. The host parses, each body once. A pointer that is none fails the batch. */
weir_bytes weir_json_text(weir_event event, weir_bytes pointer);

/* A number in its JSON body; false also where the field is something else. */
bool weir_json_number(weir_event event, weir_bytes pointer, double *number);

/* The same byte range of every body, cut at its end. Cheaper than whole bodies where they are long. */
typedef struct weir_ranges weir_ranges;
const weir_ranges *weir_body_ranges(weir_batch *batch, uint32_t offset, uint32_t len);

/* The part of this event's body; none where there is no body. */
weir_bytes weir_range_of(const weir_ranges *ranges, weir_event event);

/* ---- Changes: told to the host once, at the end of the batch. Values are copied. ---- */

/* Sets a header, replacing every one of that name. The name must not be empty. `topic` routes the event, as in Flume. */
void weir_set_header(weir_event event, weir_bytes name, weir_bytes value);

/* Removes every header of that name. Removals come before settings. */
void weir_remove_header(weir_event event, weir_bytes name);

/* Replaces its key, or takes it away. */
void weir_set_key(weir_event event, weir_bytes key);
void weir_clear_key(weir_event event);

/* Replaces its body, or takes it away: a tombstone in Kafka. */
void weir_set_body(weir_event event, weir_bytes body);
void weir_clear_body(weir_event event);

/* A new event right after this one, with its headers, key, timestamp and origin, this body, and these headers on top. */
void weir_derive(weir_event event, weir_bytes body, const weir_header_t *headers, size_t count);

/* ---- Verdicts ---- */

typedef enum weir_fate { WEIR_KEEP, WEIR_DISCARD, WEIR_REJECT } weir_fate;

/* What becomes of an event. */
typedef struct weir_verdict {
    weir_fate fate;
    weir_bytes reason;
} weir_verdict;

/* It goes on, with the changes made to it. */
weir_verdict weir_keep(void);

/* It is dropped, on purpose; it counts as delivered. Events derived from it go on. */
weir_verdict weir_discard(void);

/* It goes to the dead letters as it came, with a reason that a person will read. */
weir_verdict weir_reject(const char *reason);
weir_verdict weir_reject_bytes(weir_bytes reason);

/* As weir_reject, with a reason as printf would write it. */
weir_verdict weir_rejectf(const char *format, ...) WEIR_PRINTF(1, 2);

/* Says what becomes of an event; for `intercept_batch`. Once at most for an event. */
void weir_decide(weir_event event, weir_verdict verdict);

/* ---- The plugin ---- */

/* A setting that a plugin takes: it must be given, or has a default, or (default NULL) may be absent. */
typedef struct weir_parameter {
    const char *name;
    const char *description; /* for people: what it means, its unit and its values */
    bool required;
    const char *standard; /* the default; NULL is none */
} weir_parameter;

/* What a plugin was given; the host has filled in the defaults. */
typedef struct weir_settings weir_settings;

/* The text of a setting, as it was given; none where it is absent. */
weir_bytes weir_setting(const weir_settings *settings, const char *name);

/* A setting of this type. NULL is well; anything else a sentence for `configure` to return: it is not there, or not of this type. */
const char *weir_get_text(const weir_settings *settings, const char *name, weir_bytes *text);
const char *weir_get_int(const weir_settings *settings, const char *name, int64_t *number);
const char *weir_get_double(const weir_settings *settings, const char *name, double *number);
const char *weir_get_bool(const weir_settings *settings, const char *name, bool *truth);

/* What the host is told of a plugin, and what it calls. */
typedef struct weir_plugin_t {
    const char *name;    /* in kebab-case */
    const char *version; /* such as `1.0.0` */
    const weir_parameter *parameters;
    size_t parameter_count;
    /* Makes an instance's state, which the other functions get; NULL, or a sentence for whoever wrote the settings: the pipeline does not
     * start. */
    const char *(*configure)(const weir_settings *settings, void **state);
    /* Judges one event: looks at it, changes it, and says whether it goes on. */
    weir_verdict (*intercept)(void *state, weir_event event);
    /* May be NULL. Judges a whole batch, with weir_decide (an event about which nothing is said goes on). NULL, or a sentence that fails the
     * batch: the host then asks again about ever smaller parts, until it knows over which events. weir_reject is the better way to say so. */
    const char *(*intercept_batch)(void *state, weir_batch *batch);
} weir_plugin_t;

/* Defined by the plugin. */
extern const weir_plugin_t weir_plugin;

/* ---- Log and counters ---- */

typedef enum weir_level { WEIR_DEBUG, WEIR_INFO, WEIR_WARN, WEIR_ERROR } weir_level;

/* Writes a line to the plugin's log; natively to standard error. The host writes no more than a hundred lines a second. */
void weir_log(weir_level level, weir_bytes line);
void weir_logf(weir_level level, const char *format, ...) WEIR_PRINTF(2, 3);

/* Adds to the plugin's own counter of this name: 1 to 64 of `a-z`, `0-9` and `_`, a letter first; seen in the agent's metrics as
 * `weir_plugin_counter_total`. At most 64 names; what does not fit is left out. What is counted over a batch that fails is not counted. */
void weir_count(const char *name, uint64_t by);

/* Logs why, then traps: the batch fails, the instance is lost, and the host finds the event that it is about. */
WEIR_NORETURN void weir_panic(const char *format, ...) WEIR_PRINTF(1, 2);

#ifdef __cplusplus
}
#endif
#endif
