package main

import (
	"errors"
	"fmt"

	weir "github.com/weir-project/weir/sdk/go"
)

// transaction has the fields that the rules look at. The host reads the bodies; only these fields come over.
type transaction struct {
	card, mcc, country, home string
	amount                   float64
}

var (
	errCard    = errors.New("no `card`")
	errAmount  = errors.New("no number `amount`")
	errMCC     = errors.New("no `mcc`")
	errCountry = errors.New("no `country`")
	errHome    = errors.New("no `home`")
)

// read reads an event; the error is for the dead letter. A body that is no JSON has no field.
func (t *transaction) read(event weir.Event) error {
	var ok bool
	if t.card, ok = event.JSONText("/card"); !ok {
		return errCard
	}
	if t.amount, ok = event.JSONNumber("/amount"); !ok {
		return errAmount
	}
	if t.mcc, ok = event.JSONText("/mcc"); !ok {
		return errMCC
	}
	if t.country, ok = event.JSONText("/country"); !ok {
		return errCountry
	}
	if t.home, ok = event.JSONText("/home"); !ok {
		return errHome
	}
	if t.amount < 0 {
		return fmt.Errorf("amount %s is negative", plain(t.amount))
	}
	return nil
}
