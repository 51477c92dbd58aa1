/* The columns of a row, from the settings; and how a text is written in JSON. */
#include "columns.h"

uint8_t *json_string(uint8_t *out, weir_bytes text) {
    *out++ = '"';
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = text.data[at];
        const char *plain = NULL;
        switch (byte) {
        case '"': plain = "\\\""; break;
        case '\\': plain = "\\\\"; break;
        case '\n': plain = "\\n"; break;
        case '\r': plain = "\\r"; break;
        case '\t': plain = "\\t"; break;
        }
        if (plain) {
            *out++ = (uint8_t)plain[0], *out++ = (uint8_t)plain[1];
        } else if (byte < 0x20) {
            memcpy(out, "\\u00", 4);
            out[4] = (uint8_t)('0' + (byte >> 4)), out[5] = (uint8_t)"0123456789abcdef"[byte & 15];
            out += 6;
        } else {
            *out++ = byte;
        }
    }
    *out++ = '"';
    return out;
}

static bool read_type(weir_bytes name, column_type *type) {
    static const char *const names[] = {"text", "number", "integer", "boolean"};
    for (int at = TEXT; at <= TRUTH; at++)
        if (weir_is(name, names[at])) return *type = (column_type)at, true;
    return false;
}

static const char *read_column(column *column, weir_bytes item, size_t number) {
    weir_bytes rest = item, type;
    weir_next(&rest, ':', &column->name);
    column->name = weir_trim(column->name);
    column->type = TEXT;
    if (!column->name.len) return weir_format("`columns`: column %zu has no name", number);
    if (weir_next(&rest, ':', &type) && (rest.data || !read_type(weir_trim(type), &column->type)))
        return weir_format("`columns`: `%.*s` must be `name` or `name:type`, with `text`, `number`, `integer` or `boolean`", (int)item.len,
                           (const char *)item.data);
    uint8_t *field = weir_alloc(6 * column->name.len + 3), *end = json_string(field, column->name);
    *end++ = ':';
    column->field = weir_bytes_of(field, (size_t)(end - field));
    return NULL;
}

const char *columns_read(column_list *list, weir_bytes setting) {
    weir_bytes rest = setting, item;
    size_t most = 1;
    for (size_t at = 0; at < setting.len; at++) most += setting.data[at] == ',';
    list->columns = weir_alloc(most * sizeof *list->columns);
    for (list->count = 0; weir_next(&rest, ',', &item); list->count++) {
        column *read = &list->columns[list->count];
        const char *error = read_column(read, weir_trim(item), list->count + 1);
        if (error) return error;
        for (size_t at = 0; at < list->count; at++)
            if (weir_equal(list->columns[at].name, read->name))
                return weir_format("`columns`: `%.*s` is there twice", (int)read->name.len, (const char *)read->name.data);
    }
    return NULL;
}
