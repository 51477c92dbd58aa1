// Fraud-score-go scores card transactions by the rules of plugins/fraud-score, to the digit; see its README for fields, rules and settings.
package main

import (
	weir "github.com/weir-project/weir/sdk/go"
)

type fraudScore struct {
	rules rules
	// seen counts transactions of a card so far in this batch; emptied, not freed, between batches.
	seen map[uint64]uint32
}

var plugin = weir.Plugin{
	Name:    "fraud-score-go",
	Version: "0.1.0",
	Parameters: []weir.Parameter{
		weir.Optional("amount_limit", "amount that gives all of the amount's points", "1000"),
		weir.Optional("review_above", "scores of at least this are marked `review`, 0 to 1", "0.5"),
		weir.Optional("refuse_above", "scores of at least this are marked `refuse`, 0 to 1", "0.8"),
		weir.Optional("risky_mccs", "merchant category codes that give points, separated by commas", "4829,5933,6051,6211,7995"),
	},
	Configure: func(settings *weir.Settings) (weir.Interceptor, error) {
		rules, err := newRules(settings)
		if err != nil {
			return nil, err
		}
		return &fraudScore{rules: rules, seen: make(map[uint64]uint32)}, nil
	},
}

func init() { weir.Register(plugin) }

func main() {}

func (f *fraudScore) Intercept(event weir.Event) weir.Verdict {
	var transaction transaction
	if err := transaction.read(event); err != nil {
		return weir.Reject("not a transaction: " + err.Error())
	}
	card := hash(transaction.card)
	seen := f.seen[card]
	f.seen[card] = seen + 1
	points := f.rules.score(&transaction, seen)
	event.SetHeader("fraud.score", f.rules.text(points))
	event.SetHeaderText("fraud.verdict", f.rules.verdict(points))
	return weir.Keep
}

func (f *fraudScore) InterceptBatch(batch *weir.Batch) error {
	clear(f.seen)
	for event := range batch.Events() {
		event.Decide(f.Intercept(event))
	}
	return nil
}

// hash is FNV-1a, and a last mix. Two cards of one hash share their velocity within a batch, which is rare and raises a score at most.
func hash(text string) uint64 {
	hash := uint64(0xcbf29ce484222325)
	for at := range len(text) {
		hash = (hash ^ uint64(text[at])) * 0x100000001b3
	}
	return hash ^ hash>>32
}
