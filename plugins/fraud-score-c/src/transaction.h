/* A card transaction, read from a JSON body. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <weir.h>

/* The fields that the rules look at; the texts are views of the body, or of a copy without escapes. */
typedef struct {
    weir_bytes card, mcc, country, home;
    double amount;
} transaction;

/* NULL, or what is wrong with the body: a sentence for the dead letter. */
const char *transaction_read(transaction *into, weir_bytes body);

#endif
