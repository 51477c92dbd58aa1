/* Bounded helpers over bytes, and the memory of a call. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

weir_bytes weir_slice(weir_bytes bytes, size_t start, size_t len) {
    if (!bytes.data) return bytes;
    if (start > bytes.len) start = bytes.len;
    if (len > bytes.len - start) len = bytes.len - start;
    return weir_bytes_of(bytes.data + start, len);
}

static bool is_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

weir_bytes weir_trim(weir_bytes bytes) {
    while (bytes.len && is_space(bytes.data[0])) bytes.data++, bytes.len--;
    while (bytes.len && is_space(bytes.data[bytes.len - 1])) bytes.len--;
    return bytes;
}

bool weir_next(weir_bytes *rest, uint8_t separator, weir_bytes *piece) {
    if (!rest->data) return false;
    const uint8_t *end = rest->len ? (const uint8_t *)memchr(rest->data, separator, rest->len) : NULL;
    if (!end) {
        *piece = *rest;
        *rest = weir_bytes_of(NULL, 0);
        return true;
    }
    size_t len = (size_t)(end - rest->data);
    *piece = weir_bytes_of(rest->data, len);
    *rest = weir_bytes_of(end + 1, rest->len - len - 1);
    return true;
}

/* Bytes of the character at the front; 0 where it is none, with how many bytes of it there were in `broken` (Unicode, table 3-7). */
static size_t character(const uint8_t *at, size_t len, size_t *broken) {
    uint8_t first = at[0], least = 0x80, most = 0xBF;
    size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    *broken = 1;
    if (first == 0xE0) least = 0xA0;
    if (first == 0xED) most = 0x9F;
    if (first == 0xF0) least = 0x90;
    if (first == 0xF4) most = 0x8F;
    for (size_t next = 1; next < size; next++) {
        if (next >= len || at[next] < least || at[next] > most) {
            *broken = next;
            return 0;
        }
        least = 0x80, most = 0xBF;
    }
    return size;
}

bool weir_is_utf8(weir_bytes bytes) {
    size_t size, broken;
    for (size_t at = 0; at < bytes.len; at += size) {
        if (bytes.data[at] < 0x80) {
            size = 1;
            continue;
        }
        size = character(bytes.data + at, bytes.len - at, &broken);
        if (!size) return false;
    }
    return true;
}

weir_bytes weir__utf8(weir_bytes text) {
    if (weir_is_utf8(text)) return text;
    uint8_t *out = (uint8_t *)weir_alloc(3 * text.len);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t broken, size = character(text.data + at, text.len - at, &broken);
        memcpy(out + len, size ? (const char *)text.data + at : "\xEF\xBF\xBD", size ? size : 3);
        len += size ? size : 3;
        at += size ? size : broken;
    }
    return weir_bytes_of(out, len);
}

bool weir_parse_int(weir_bytes text, int64_t *number) {
    bool negative = text.len && text.data[0] == '-';
    size_t at = text.len && (text.data[0] == '-' || text.data[0] == '+');
    if (at == text.len) return false;
    uint64_t value = 0, most = (uint64_t)INT64_MAX + negative;
    for (; at < text.len; at++) {
        uint8_t digit = (uint8_t)(text.data[at] - '0');
        if (digit > 9 || value > (most - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool weir_parse_double(weir_bytes text, double *number) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t at = text.len && (text.data[0] == '-' || text.data[0] == '+');
    uint64_t mantissa = 0;
    size_t digits = 0;
    int64_t exponent = 0;
    bool exact = true;
    for (int after_point = 0; at < text.len; at++) {
        uint8_t digit = (uint8_t)(text.data[at] - '0');
        if (text.data[at] == '.' && !after_point) {
            after_point = 1;
        } else if (digit <= 9) {
            digits++;
            if (mantissa >= UINT64_C(900719925474099)) exact = false;
            mantissa = mantissa * 10 + digit;
            exponent -= after_point;
        } else {
            break;
        }
    }
    if (!digits) return false;
    if (at < text.len) {
        int64_t given;
        if ((text.data[at] | 0x20) != 'e' || !weir_parse_int(weir_slice(text, at + 1, text.len), &given)) return false;
        if (given > 99999 || given < -99999) exact = false;
        else exponent += given;
    }
    /* Both are doubles without a rounding, so one division or product rounds once: the nearest double. */
    if (exact && exponent >= -22 && exponent <= 22) {
        double value = exponent < 0 ? (double)mantissa / powers[-exponent] : (double)mantissa * powers[exponent];
        *number = text.data[0] == '-' ? -value : value;
        return true;
    }
    double value = strtod(weir_cstr(text), NULL);
    if (value > 1.7976931348623157e308 || value < -1.7976931348623157e308) return false;
    *number = value;
    return true;
}

/* Chunks of the call's memory; the newest, which is the largest, is kept from call to call. */
typedef struct chunk {
    struct chunk *next;
    size_t size, used;
} chunk;

enum { ALIGNMENT = 16, FIRST_CHUNK = 1 << 16, HEAD = (sizeof(chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT };

static chunk *newest;
/* What `configure` allocated. */
static chunk *kept;

void *weir_alloc(size_t size) {
    if (size > SIZE_MAX / 4) weir_panic("%zu bytes of memory were asked for", size);
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!newest || newest->size - newest->used < size) {
        size_t room = newest ? newest->size * 2 : (size_t)FIRST_CHUNK;
        /* Twice what is there, where that much can be had. */
        if (room < size) room = size;
        chunk *made = (chunk *)malloc(HEAD + room);
        if (!made && room > size) made = (chunk *)malloc(HEAD + (room = size));
        if (!made) {
            static const char message[] = "out of memory";
            weir__write(WEIR_ERROR, (const uint8_t *)message, sizeof message - 1);
            abort();
        }
        made->next = newest, made->size = room, made->used = 0;
        newest = made;
    }
    void *memory = (uint8_t *)newest + HEAD + newest->used;
    newest->used += size;
    return memory;
}

void weir__free_call(void) {
    if (!newest) return;
    while (newest->next) {
        chunk *old = newest->next;
        newest->next = old->next;
        free(old);
    }
    newest->used = 0;
}

void weir__keep_call(void) {
    while (newest) {
        chunk *next = newest->next;
        newest->next = kept;
        kept = newest;
        newest = next;
    }
}

WEIR_PRINTF(1, 0) static const char *format_list(const char *format, va_list arguments) {
    if (!format) return "";
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    size_t room = len < 0 ? 1 : (size_t)len + 1;
    char *text = (char *)weir_alloc(room);
    text[0] = 0;
    vsnprintf(text, room, format, again);
    va_end(again);
    return text;
}

const char *weir_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = format_list(format, arguments);
    va_end(arguments);
    return text;
}

const char *weir_cstr(weir_bytes bytes) {
    char *text = (char *)weir_alloc(bytes.len + 1);
    if (bytes.len) memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = 0;
    return text;
}

weir_verdict weir_keep(void) { return (weir_verdict){WEIR_KEEP, {NULL, 0}}; }
weir_verdict weir_discard(void) { return (weir_verdict){WEIR_DISCARD, {NULL, 0}}; }
weir_verdict weir_reject(const char *reason) { return weir_reject_bytes(weir_str(reason)); }
weir_verdict weir_reject_bytes(weir_bytes reason) { return (weir_verdict){WEIR_REJECT, reason}; }

weir_verdict weir_rejectf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *reason = format_list(format, arguments);
    va_end(arguments);
    return weir_reject(reason);
}

void weir_log(weir_level level, weir_bytes line) {
    line = weir__utf8(line);
    weir__write((uint32_t)level, line.data, line.len);
}

void weir_logf(weir_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    weir_log(level, weir_str(format_list(format, arguments)));
    va_end(arguments);
}

void weir_count(const char *name, uint64_t by) {
    weir_bytes text = weir__utf8(weir_str(name));
    weir__add(text.data, text.len, by);
}

void weir_panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    weir_log(WEIR_ERROR, weir_str(format_list(format, arguments)));
    va_end(arguments);
    abort();
}
