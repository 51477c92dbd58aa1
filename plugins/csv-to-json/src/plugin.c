/* Makes a JSON object of each CSV row (RFC 4180); what is no row of these columns is rejected, with where and why. See the README. */
#include "columns.h"

typedef struct {
    column_list columns;
    uint8_t separator;
    bool empty_is_null;
} converter;

static const weir_parameter parameters[] = {
    {"columns", "names of the columns, separated by commas, each with its type behind a colon unless it is `text`: `id:integer,name,price:number,paid:boolean`", true, NULL},
    {"separator", "between fields: one ASCII character, or `tab`", false, ","},
    {"empty", "what an empty field without quotes becomes: `null` or `text`", false, "null"},
};

static const char *configure(const weir_settings *settings, void **state) {
    converter *made = weir_alloc(sizeof *made);
    weir_bytes columns, separator, empty = weir_setting(settings, "empty");
    const char *error = weir_get_text(settings, "columns", &columns);
    if (!error) error = weir_get_text(settings, "separator", &separator);
    if (!error) error = columns_read(&made->columns, columns);
    if (error) return error;
    if (weir_is(separator, "tab")) separator = weir_str("\t");
    if (separator.len != 1 || separator.data[0] > 0x7E || strchr("\"\r\n", separator.data[0]))
        return "`separator` must be one ASCII character, no quote and no line end, or `tab`";
    made->separator = separator.data[0];
    made->empty_is_null = weir_is(empty, "null");
    if (!made->empty_is_null && !weir_is(empty, "text")) return "`empty` must be `null` or `text`";
    *state = made;
    return NULL;
}

/* A row under way. */
typedef struct {
    const converter *converter;
    weir_bytes row;
    size_t at;
    uint8_t *out;
    const char *error;
} writing;

static bool wrong(writing *row, size_t number, size_t at, const char *what) {
    const column_list *columns = &row->converter->columns;
    weir_bytes name = number < columns->count ? columns->columns[number].name : weir_str("");
    row->error = weir_format("not a row: column %zu%s%.*s%s, byte %zu: %s", number + 1, name.len ? " (`" : "", (int)name.len, (const char *)name.data,
                             name.len ? "`)" : "", at + 1, what);
    return false;
}

static bool ends(const writing *row) { return row->at == row->row.len || row->row.data[row->at] == '\r' || row->row.data[row->at] == '\n'; }

/* The next field, without its quotes. */
static bool read_field(writing *row, size_t number, weir_bytes *field, bool *quoted) {
    const uint8_t *data = row->row.data;
    size_t start = row->at;
    *quoted = start < row->row.len && data[start] == '"';
    if (!*quoted) {
        for (; !ends(row) && data[row->at] != row->converter->separator; row->at++)
            if (data[row->at] == '"') return wrong(row, number, row->at, "a quote in a field without quotes");
        *field = weir_bytes_of(data + start, row->at - start);
        return true;
    }
    uint8_t *text = NULL;
    size_t len = 0;
    for (row->at++; row->at < row->row.len; row->at++) {
        if (data[row->at] != '"') {
            if (text) text[len] = data[row->at];
            len++;
            continue;
        }
        row->at++;
        if (row->at < row->row.len && data[row->at] == '"') {
            /* A quote in the field: from here on it is a copy. */
            if (!text) {
                text = weir_alloc(row->row.len);
                memcpy(text, data + start + 1, len);
            }
            text[len++] = '"';
            continue;
        }
        if (!ends(row) && data[row->at] != row->converter->separator) return wrong(row, number, row->at, "something behind the closing quote");
        *field = weir_bytes_of(text ? text : data + start + 1, len);
        return true;
    }
    return wrong(row, number, start, "the quote is never closed");
}

/* Whether it is a number as JSON writes them, so that it can go on as it is. */
static bool is_number(weir_bytes text, bool integer) {
    size_t at = text.len && text.data[0] == '-';
    bool zero = at < text.len && text.data[at] == '0';
    size_t digits = at;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    if (digits == at || (zero && digits > at + 1)) return false;
    int64_t whole;
    double value;
    if (integer) return digits == text.len && weir_parse_int(text, &whole);
    if (digits < text.len && text.data[digits] == '.') {
        uint8_t next = digits + 1 < text.len ? text.data[digits + 1] : 0;
        if (next < '0' || next > '9') return false;
    }
    return weir_parse_double(text, &value);
}

static bool write_value(writing *row, size_t number, size_t at, weir_bytes field, bool quoted) {
    const column *column = &row->converter->columns.columns[number];
    memcpy(row->out, column->field.data, column->field.len);
    row->out += column->field.len;
    if (!quoted && !field.len && (row->converter->empty_is_null || column->type != TEXT)) {
        memcpy(row->out, "null", 4);
        row->out += 4;
        return true;
    }
    switch (column->type) {
    case TEXT:
        row->out = json_string(row->out, field);
        return true;
    case NUMBER:
        if (!is_number(field, false)) return wrong(row, number, at, "it is no number");
        break;
    case INTEGER:
        if (!is_number(field, true)) return wrong(row, number, at, "it is no integer of 64 bits");
        break;
    case TRUTH:
        if (!weir_is(field, "true") && !weir_is(field, "false")) return wrong(row, number, at, "it is neither `true` nor `false`");
        break;
    }
    memcpy(row->out, field.data, field.len);
    row->out += field.len;
    return true;
}

static bool write_row(writing *row) {
    const column_list *columns = &row->converter->columns;
    *row->out++ = '{';
    for (size_t number = 0; number < columns->count; number++) {
        weir_bytes field;
        bool quoted;
        size_t at = row->at;
        if (number) *row->out++ = ',';
        if (!read_field(row, number, &field, &quoted) || !write_value(row, number, at, field, quoted)) return false;
        bool last = number + 1 == columns->count;
        if (!last && ends(row)) return wrong(row, number + 1, row->at, weir_format("missing: the row has %zu of %zu columns", number + 1, columns->count));
        if (last && !ends(row)) return wrong(row, number + 1, row->at, weir_format("one too many: there are %zu columns", columns->count));
        if (!last) row->at++;
    }
    *row->out++ = '}';
    /* One end of line may follow, and nothing behind it. */
    if (row->at < row->row.len && row->row.data[row->at] == '\r') row->at++;
    if (row->at < row->row.len && row->row.data[row->at] == '\n') row->at++;
    return row->at == row->row.len || wrong(row, columns->count - 1, row->at, "the row is over, and more follows");
}

static weir_verdict intercept(void *state, weir_event event) {
    const converter *converter = state;
    weir_bytes body = weir_body(event);
    if (!body.data) return weir_reject("not a row: no body");
    if (!weir_is_utf8(body)) return weir_reject("not a row: it is not UTF-8");
    /* Each byte may become six, and of each column come its name, a comma, quotes or `null`. */
    size_t room = 6 * body.len + 2;
    for (size_t number = 0; number < converter->columns.count; number++) room += converter->columns.columns[number].field.len + 8;
    uint8_t *out = weir_alloc(room);
    writing row = {converter, body, 0, out, NULL};
    if (!write_row(&row)) return weir_reject(row.error);
    weir_set_body(event, weir_bytes_of(out, (size_t)(row.out - out)));
    return weir_keep();
}

const weir_plugin_t weir_plugin = {
    "csv-to-json", "0.1.0", parameters, sizeof parameters / sizeof *parameters, configure, intercept, NULL,
};
