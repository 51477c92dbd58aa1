/* Settings: what a plugin was given, by type. */
#include "internal.h"

weir_bytes weir_setting(const weir_settings *settings, const char *name) {
    for (size_t at = settings->count; at-- > 0;)
        if (weir_is(settings->pairs[at].name, name)) return settings->pairs[at].value;
    return weir_bytes_of(NULL, 0);
}

static const char *wrong(const char *name, weir_bytes text, const char *reason) {
    return weir_format("`%s` cannot be `%.*s`: %s", name, (int)text.len, (const char *)text.data, reason);
}

const char *weir_get_text(const weir_settings *settings, const char *name, weir_bytes *text) {
    *text = weir_setting(settings, name);
    return text->data ? NULL : weir_format("`%s` is required", name);
}

const char *weir_get_int(const weir_settings *settings, const char *name, int64_t *number) {
    weir_bytes text;
    const char *error = weir_get_text(settings, name, &text);
    if (error) return error;
    return weir_parse_int(weir_trim(text), number) ? NULL : wrong(name, text, "it is no whole number, or too large");
}

const char *weir_get_double(const weir_settings *settings, const char *name, double *number) {
    weir_bytes text;
    const char *error = weir_get_text(settings, name, &text);
    if (error) return error;
    return weir_parse_double(weir_trim(text), number) ? NULL : wrong(name, text, "it is no number, or too large");
}

const char *weir_get_bool(const weir_settings *settings, const char *name, bool *truth) {
    weir_bytes text;
    const char *error = weir_get_text(settings, name, &text);
    if (error) return error;
    *truth = weir_is(weir_trim(text), "true");
    return *truth || weir_is(weir_trim(text), "false") ? NULL : wrong(name, text, "it is neither `true` nor `false`");
}
