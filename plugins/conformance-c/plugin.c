/* Does what the header `do` of each event says, so that a table of cases can ask the SDK for everything it has. The same plugin is there in
 * every language; see the README for the commands. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <weir.h>

/* The part of a body that `range` shows. */
enum { RANGE_OFFSET = 2, RANGE_LEN = 4 };
/* Lines of `log-flood`. */
enum { FLOOD = 10000 };
/* Values longer than this are given by their length. */
enum { SHOWN = 64 };

typedef struct {
    weir_bytes label, note;
    int64_t limit;
    bool whole_batch;
} conformance;

static const weir_parameter parameters[] = {
    {"label", "shown by `settings`", true, NULL},
    {"limit", "shown by `settings`; an integer above 0", false, "10"},
    {"note", "shown by `settings`", false, NULL},
    {"mode", "`event` or `batch`: how events are judged", false, "event"},
};

static const char *configure(const weir_settings *settings, void **state) {
    conformance *made = weir_alloc(sizeof *made);
    const char *error = weir_get_int(settings, "limit", &made->limit);
    if (error) return error;
    if (made->limit <= 0) return "`limit` must be above 0";
    error = weir_get_text(settings, "label", &made->label);
    if (error) return error;
    weir_bytes mode = weir_setting(settings, "mode");
    made->whole_batch = weir_is(mode, "batch");
    if (!made->whole_batch && !weir_is(mode, "event"))
        return weir_format("`mode` must be `event` or `batch`, not `%.*s`", (int)mode.len, (const char *)mode.data);
    made->note = weir_setting(settings, "note");
    *state = made;
    return NULL;
}

static weir_bytes hex(weir_bytes bytes) {
    char *out = weir_alloc(2 * bytes.len);
    for (size_t at = 0; at < bytes.len; at++) {
        out[2 * at] = "0123456789abcdef"[bytes.data[at] >> 4];
        out[2 * at + 1] = "0123456789abcdef"[bytes.data[at] & 15];
    }
    return weir_bytes_of(out, 2 * bytes.len);
}

static const char *shown(weir_bytes value) {
    if (!value.data) return "null";
    return value.len > SHOWN ? weir_format("len:%zu", value.len) : weir_cstr(hex(value));
}

/* Everything of an event as one line of text. */
static const char *echo(weir_event event) {
    int64_t at;
    const char *time = weir_timestamp(event, &at) ? weir_format("%" PRId64, at) : "null";
    const char *headers = "";
    for (size_t number = 0; number < weir_header_count(event); number++) {
        weir_header_t header = weir_header_at(event, number);
        headers = weir_format("%s%s%s=%s", headers, number ? "," : "", weir_cstr(hex(header.name)), shown(header.value));
    }
    return weir_format("key=%s;timestamp=%s;body=%s;headers=%s", shown(weir_key(event)), time, shown(weir_body(event)), headers);
}

/* An event for each line, and nothing of the event itself. */
static weir_verdict explode(weir_event event) {
    weir_bytes rest = weir_body(event), piece;
    for (int number = 0; weir_next(&rest, '\n', &piece); number++) {
        weir_header_t header = {weir_str("piece"), weir_str(weir_format("%d", number))};
        weir_derive(event, piece, &header, 1);
    }
    return weir_discard();
}

static void json(weir_event event) {
    weir_bytes pointer = weir_header_text(event, weir_str("pointer"));
    if (!pointer.data) pointer = weir_str("");
    weir_bytes text = weir_json_text(event, pointer);
    if (text.data) weir_set_header(event, weir_str("text"), text);
    double number;
    if (weir_json_number(event, pointer, &number))
        weir_set_header(event, weir_str("number"), weir_str(weir_format("%" PRId64, (int64_t)round(number * 1000))));
}

static void reverse(weir_event event) {
    weir_bytes body = weir_body(event);
    if (!body.data) return;
    uint8_t *reversed = weir_alloc(body.len);
    for (size_t at = 0; at < body.len; at++) reversed[at] = body.data[body.len - 1 - at];
    weir_set_body(event, weir_bytes_of(reversed, body.len));
}

static void show(const conformance *plugin, weir_event event) {
    weir_set_header(event, weir_str("label"), plugin->label);
    weir_set_header(event, weir_str("limit"), weir_str(weir_format("%" PRId64, plugin->limit)));
    if (plugin->note.data) weir_set_header(event, weir_str("note"), plugin->note);
}

/* The commands that are about one event. Of a single event the host cannot be told that the batch failed: that is what intercept_batch adds. */
static weir_verdict intercept(void *state, weir_event event) {
    weir_bytes command = weir_header_text(event, weir_str("do"));
    weir_bytes name = weir_header_text(event, weir_str("name"));
    if (!command.data || weir_is(command, "keep")) return weir_keep();
    if (weir_is(command, "discard")) return weir_discard();
    if (weir_is(command, "reject")) return weir_reject_bytes(weir_body(event));
    if (weir_is(command, "explode")) return explode(event);
    if (weir_is(command, "set-header")) weir_set_header(event, name, weir_body(event));
    else if (weir_is(command, "remove-header")) weir_remove_header(event, name);
    else if (weir_is(command, "set-key")) weir_set_key(event, weir_body(event));
    else if (weir_is(command, "clear-key")) weir_clear_key(event);
    else if (weir_is(command, "set-body")) weir_set_body(event, weir_header(event, weir_str("value")));
    else if (weir_is(command, "clear-body")) weir_clear_body(event);
    else if (weir_is(command, "reverse")) reverse(event);
    else if (weir_is(command, "echo")) weir_set_body(event, weir_str(echo(event)));
    else if (weir_is(command, "json")) json(event);
    else if (weir_is(command, "settings")) show(state, event);
    else if (weir_is(command, "log")) weir_log(WEIR_INFO, weir_body(event));
    else if (weir_is(command, "log-flood")) for (int line = 0; line < FLOOD; line++) weir_log(WEIR_WARN, weir_str("flood"));
    else if (weir_is(command, "count")) weir_count("seen", 1);
    else if (weir_is(command, "panic")) weir_panic("conformance panic");
    else return weir_rejectf("unknown command `%.*s`", (int)command.len, (const char *)command.data);
    return weir_keep();
}

static const char *intercept_batch(void *state, weir_batch *batch) {
    const conformance *plugin = state;
    const weir_ranges *ranges = NULL;
    for (uint32_t index = 0; index < weir_len(batch); index++) {
        weir_event event = weir_at(batch, index);
        if (plugin->whole_batch) {
            weir_set_header(event, weir_str("index"), weir_str(weir_format("%u", (unsigned)index)));
            weir_set_header(event, weir_str("of"), weir_str(weir_format("%u", (unsigned)weir_len(batch))));
        }
        weir_bytes command = weir_header_text(event, weir_str("do"));
        if (weir_is(command, "error")) return weir_cstr(weir_body(event));
        if (weir_is(command, "range")) {
            if (!ranges) ranges = weir_body_ranges(batch, RANGE_OFFSET, RANGE_LEN);
            weir_bytes part = weir_range_of(ranges, event);
            if (part.data) weir_set_header(event, weir_str("range"), part);
        } else {
            weir_decide(event, intercept(state, event));
        }
    }
    return NULL;
}

const weir_plugin_t weir_plugin = {
    "conformance-c", "0.1.0", parameters, sizeof parameters / sizeof *parameters, configure, intercept, intercept_batch,
};
