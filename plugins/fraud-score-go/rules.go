package main

import (
	"fmt"
	"math"
	"strconv"

	weir "github.com/weir-project/weir/sdk/go"
)

// Points of a thousand.
const (
	all         = 1000
	amount      = 400
	again       = 100
	againAtMost = 300
	abroad      = 200
	risky       = 250
)

// rules are the settings, made ready.
type rules struct {
	amountLimit    float64
	review, refuse uint32
	riskyMCCs      []string
	score5         [5]byte
}

func newRules(settings *weir.Settings) (rules, error) {
	var values [3]float64
	for at, name := range []string{"amount_limit", "review_above", "refuse_above"} {
		value, err := weir.Get[float64](settings, name)
		if err != nil {
			return rules{}, err
		}
		values[at] = value
	}
	limit, review, refuse := values[0], values[1], values[2]
	if !(limit > 0) || math.IsInf(limit, 0) {
		return rules{}, fmt.Errorf("`amount_limit` (%s) must be above 0", plain(limit))
	}
	if !(0 <= review && review <= refuse && refuse <= 1) {
		return rules{}, fmt.Errorf("`review_above` (%s) must not be above `refuse_above` (%s), and both between 0 and 1", plain(review), plain(refuse))
	}
	points := func(share float64) uint32 { return uint32(math.Round(share * all)) }
	return rules{amountLimit: limit, review: points(review), refuse: points(refuse), riskyMCCs: settings.List("risky_mccs")}, nil
}

// score is the points of a transaction whose card was seen so often before in the batch.
func (r *rules) score(t *transaction, seen uint32) uint32 {
	points := uint32(math.Round(amount * math.Min(t.amount/r.amountLimit, 1)))
	points += min(seen, againAtMost/again) * again
	if t.country != t.home {
		points += abroad
	}
	for _, mcc := range r.riskyMCCs {
		if t.mcc == mcc {
			points += risky
			break
		}
	}
	return min(points, all)
}

func (r *rules) verdict(points uint32) string {
	switch {
	case points >= r.refuse:
		return "refuse"
	case points >= r.review:
		return "review"
	}
	return "approve"
}

// text is `0.000` to `1.000`; it is overwritten by the next.
func (r *rules) text(points uint32) []byte {
	digit := func(unit uint32) byte { return '0' + byte(points/unit%10) }
	r.score5 = [5]byte{digit(1000), '.', digit(100), digit(10), digit(1)}
	return r.score5[:]
}

func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }
