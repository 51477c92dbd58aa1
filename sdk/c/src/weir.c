/* The SDK, in one file to compile: the library, and on wasm32 what the contract exports. */
#include "bytes.c"
#include "settings.c"
#include "batch.c"

#ifdef __wasm32__

#define EXPORT(name) __attribute__((export_name(name)))
#define FUNCTION(name) EXPORT("weir:interceptor/interceptor@0.1.0#" name)
#define AFTER(name) EXPORT("cabi_post_weir:interceptor/interceptor@0.1.0#" name)

/* Memory for what the host writes: the call's. */
EXPORT("cabi_realloc") void *weir__realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    if (!size) return (void *)alignment;
    void *memory = weir_alloc(size);
    if (old_size) memcpy(memory, old, old_size < size ? old_size : size);
    return memory;
}

typedef struct {
    weir_bytes name, description;
    uint32_t required, has_standard;
    weir_bytes standard;
} parameter;

typedef struct {
    weir_bytes name, version;
    parameter *parameters;
    size_t count;
} description;

_Static_assert(sizeof(parameter) == 32 && sizeof(description) == 24, "describe");

FUNCTION("describe") const void *weir__describe(void) {
    static description told;
    told = (description){weir_str(weir_plugin.name), weir_str(weir_plugin.version), NULL, weir_plugin.parameter_count};
    told.parameters = (parameter *)weir_alloc(told.count * sizeof(parameter));
    for (size_t at = 0; at < told.count; at++) {
        const weir_parameter *from = &weir_plugin.parameters[at];
        weir_bytes standard = from->standard ? weir_str(from->standard) : weir_bytes_of(NULL, 0);
        told.parameters[at] = (parameter){weir_str(from->name), weir_str(from->description ? from->description : ""), from->required,
                                          from->standard != NULL, standard};
    }
    return &told;
}

static const void *answer(const char *message) {
    static weir__outcome outcome;
    outcome = (weir__outcome){0};
    if (message) {
        weir_bytes text = weir__utf8(weir_str(message));
        outcome = (weir__outcome){1, {(void *)text.data, text.len}};
    }
    return &outcome;
}

static void *state;
static bool configured;

FUNCTION("configure") const void *weir__configure(const weir__setting *pairs, size_t count) {
    weir_settings settings = {pairs, count};
    /* An empty text has an address of the host's choice, which is not NULL; weir_setting may return it. */
    const char *refusal = weir_plugin.configure(&settings, &state);
    configured = !refusal;
    return answer(refusal);
}

FUNCTION("intercept") const void *weir__intercept(uint32_t batch) {
    const char *failure = configured ? weir__judge(&weir_plugin, state, batch) : "it was not configured";
    /* The host lends the batch for this call, and asks for it back. */
    weir__drop(batch);
    return answer(failure);
}

AFTER("describe") void weir__after_describe(const void *told) { (void)told, weir__free_call(); }
AFTER("configure") void weir__after_configure(const void *outcome) { (void)outcome, weir__keep_call(); }
AFTER("intercept") void weir__after_intercept(const void *outcome) { (void)outcome, weir__free_call(); }

#endif
