/* Marks events longer than `limit` bytes with the header `large`, and rejects those without a body. */
#include <weir.h>

typedef struct {
    int64_t limit;
} large_ones;

static const weir_parameter parameters[] = {
    {"limit", "bytes above which an event is marked", false, "100"},
};

static const char *configure(const weir_settings *settings, void **state) {
    large_ones *made = weir_alloc(sizeof *made);
    const char *error = weir_get_int(settings, "limit", &made->limit);
    if (error) return error;
    *state = made;
    return NULL;
}

/* Asked about every event. */
static weir_verdict intercept(void *state, weir_event event) {
    const large_ones *plugin = state;
    weir_bytes body = weir_body(event);
    if (!body.data) return weir_reject("no body");
    if ((int64_t)body.len > plugin->limit) {
        weir_set_header(event, weir_str("large"), weir_str("yes"));
        weir_count("large", 1);
    }
    return weir_keep();
}

const weir_plugin_t weir_plugin = {
    .name = "{{name}}",
    .version = "0.1.0",
    .parameters = parameters,
    .parameter_count = sizeof parameters / sizeof *parameters,
    .configure = configure,
    .intercept = intercept,
};
