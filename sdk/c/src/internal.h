/* Between the parts of the SDK; not for plugins. On wasm32 these structs lie in memory as the canonical ABI of wit/interceptor.wit wants them,
 * so that nothing is copied on the way to the host and back. */
#ifndef WEIR_INTERNAL_H
#define WEIR_INTERNAL_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { uint8_t *data; size_t len; } weir__blob;
typedef struct { uint32_t *data; size_t len; } weir__words;
typedef struct { double *data; size_t len; } weir__numbers;
typedef struct { int64_t *data; size_t len; } weir__times;

/* Value i is bytes[ends[i-1]..ends[i]]; nulls names, ascending, the events whose value is absent. */
typedef struct { weir__blob bytes; weir__words ends, nulls; } weir__column;
typedef struct { weir__numbers values; weir__words nulls; } weir__number_column;
typedef struct { weir__words counts; weir__column names, values; } weir__header_table;

typedef struct { uint32_t offset, len; } weir__span;
typedef struct { uint32_t event; weir__span at; } weir__edit;
typedef struct { uint32_t event; weir__span name, value; } weir__header_edit;
typedef struct { weir__span name, value; } weir__derived_header;
typedef struct { uint32_t event; weir__span body; weir__derived_header *headers; size_t header_count; } weir__derived;

typedef struct { void *data; size_t len; } weir__list;

/* The lists of `edits`, in the contract's order. */
enum {
    WEIR__DISCARDS, WEIR__REJECTS, WEIR__SET_HEADERS, WEIR__REMOVE_HEADERS, WEIR__SET_KEYS, WEIR__CLEAR_KEYS, WEIR__SET_BODIES,
    WEIR__CLEAR_BODIES, WEIR__DERIVED, WEIR__BYTES, WEIR__LISTS
};

typedef struct { uint32_t batch; weir__list lists[WEIR__LISTS]; } weir__apply;

/* `result<_, string>` */
typedef struct { uint32_t is_error; weir__list message; } weir__outcome;

#ifdef __wasm32__
_Static_assert(sizeof(weir__column) == 24 && sizeof(weir__number_column) == 16 && sizeof(weir__header_table) == 56, "columns");
_Static_assert(sizeof(weir__edit) == 12 && sizeof(weir__header_edit) == 20 && sizeof(weir__derived) == 20, "edits");
_Static_assert(sizeof(weir__apply) == 84 && sizeof(weir__outcome) == 12, "apply");
#endif

/* What the contract imports: from the host, or from the test double. */
#ifdef __wasm32__
#define WEIR__IMPORT(interface, function) __attribute__((import_module("weir:interceptor/" interface "@0.1.0"), import_name(function)))
#else
#define WEIR__IMPORT(interface, function)
#endif

WEIR__IMPORT("events", "[method]batch.len") extern uint32_t weir__len(uint32_t batch);
WEIR__IMPORT("events", "[method]batch.timestamps") extern void weir__timestamps(uint32_t batch, weir__times *result);
WEIR__IMPORT("events", "[method]batch.keys") extern void weir__keys(uint32_t batch, weir__column *result);
WEIR__IMPORT("events", "[method]batch.bodies") extern void weir__bodies(uint32_t batch, weir__column *result);
WEIR__IMPORT("events", "[method]batch.body-ranges")
extern void weir__body_ranges(uint32_t batch, uint32_t offset, uint32_t len, weir__column *result);
WEIR__IMPORT("events", "[method]batch.header")
extern void weir__header(uint32_t batch, const uint8_t *name, size_t len, weir__column *result);
WEIR__IMPORT("events", "[method]batch.headers") extern void weir__headers(uint32_t batch, weir__header_table *result);
WEIR__IMPORT("events", "[method]batch.json-texts")
extern void weir__json_texts(uint32_t batch, const uint8_t *pointer, size_t len, weir__column *result);
WEIR__IMPORT("events", "[method]batch.json-numbers")
extern void weir__json_numbers(uint32_t batch, const uint8_t *pointer, size_t len, weir__number_column *result);
WEIR__IMPORT("events", "[method]batch.apply") extern void weir__apply_edits(const weir__apply *edits, weir__outcome *result);
WEIR__IMPORT("events", "[resource-drop]batch") extern void weir__drop(uint32_t batch);
WEIR__IMPORT("logging", "write") extern void weir__write(uint32_t level, const uint8_t *message, size_t len);
WEIR__IMPORT("counters", "add") extern void weir__add(const uint8_t *name, size_t len, uint64_t by);

/* Given to `configure`. */
typedef struct { weir_bytes name, value; } weir__setting;
struct weir_settings { const weir__setting *pairs; size_t count; };

/* The end of a call: its memory is used again. The end of `configure`: its memory stays. */
void weir__free_call(void);
void weir__keep_call(void);

/* Judges a batch, and tells the host what changes; NULL, or why the batch fails. */
const char *weir__judge(const weir_plugin_t *plugin, void *state, uint32_t handle);

/* The same text where it is UTF-8, else with U+FFFD for what is none: the host traps on other text. */
weir_bytes weir__utf8(weir_bytes text);

#ifdef __cplusplus
}
#endif
#endif
