/* The columns of a row: their names and types, from the settings. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <weir.h>

typedef enum { TEXT, NUMBER, INTEGER, TRUTH } column_type;

typedef struct {
    weir_bytes name;  /* as in the settings, for people */
    weir_bytes field; /* `"name":`, ready for the JSON */
    column_type type;
} column;

typedef struct {
    column *columns;
    size_t count;
} column_list;

/* Reads `name,name:type,...`; NULL, or what is wrong with it. */
const char *columns_read(column_list *list, weir_bytes setting);

/* Writes text as a JSON string, quotes included, where at least 6 times its length and 2 bytes are free; returns the end. */
uint8_t *json_string(uint8_t *out, weir_bytes text);

#endif
