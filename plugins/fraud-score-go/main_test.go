package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-project/weir/sdk/go/weirtest"
)

func body(card, amount, mcc, country string) weirtest.Given {
	return weirtest.Body(fmt.Sprintf(
		`{"id":"t-1","card":"%s","amount":%s,"currency":"EUR","merchant":"m","mcc":"%s","country":"%s","home":"SE","ts":1,"more":[1]}`,
		card, amount, mcc, country))
}

func TestPointsAddUp(t *testing.T) {
	judged := weirtest.Start(t, plugin, nil).Judge(
		body("1", "10", "5411", "SE"), body("2", "10", "5411", "NO"), body("3", "500", "7995", "NO"), body("4", "2000.5", "7995", "NO"))
	for at, want := range []string{"0.004 approve", "0.204 approve", "0.650 review", "0.850 refuse"} {
		if got := judged[at].Header("fraud.score") + " " + judged[at].Header("fraud.verdict"); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

func TestACardUsedAgainAndAgainGainsPointsUpToABound(t *testing.T) {
	instance := weirtest.Start(t, plugin, nil)
	for range 2 {
		var batch []weirtest.Given
		for range 6 {
			batch = append(batch, body("1", "0", "5411", "SE"))
		}
		var scores []string
		for _, judged := range instance.Judge(batch...) {
			scores = append(scores, judged.Header("fraud.score"))
		}
		if got := strings.Join(scores, " "); got != "0.000 0.100 0.200 0.300 0.300 0.300" {
			t.Error(got)
		}
	}
}

func TestWhatIsNoTransactionIsRejectedWithTheReason(t *testing.T) {
	whole := string(body("1", "10", "5411", "SE").Body)
	with := func(old, new string) string { return strings.Replace(whole, old, new, 1) }
	cases := map[string]string{
		"":                                       "no `card`",
		` ["t","1",1]`:                           "no `card`",
		`{"id":1}`:                               "no `card`",
		"not a transaction":                      "no `card`",
		whole + "x":                              "no `card`",
		whole[:len(whole)-1]:                     "no `card`",
		with(`10`, `-1`):                         "amount -1 is negative",
		with(`10`, `"10"`):                       "no number `amount`",
		with(`10`, `1e999`):                      "no number `amount`",
		with(`"mcc":"5411"`, `"m":1`):            "no `mcc`",
		with(`"country":"SE"`, `"country":null`): "no `country`",
		with(`"home":"SE"`, `"hom":"SE"`):        "no `home`",
	}
	for body, reason := range cases {
		judged := weirtest.Start(t, plugin, nil).Judge(weirtest.Body(body))[0]
		if judged.Fate != weirtest.Rejected || judged.Reason != "not a transaction: "+reason {
			t.Errorf("%s: %s, not %s", body, judged.Reason, reason)
		}
	}
	if judged := weirtest.Start(t, plugin, nil).Judge(weirtest.Given{})[0]; judged.Reason != "not a transaction: no `card`" {
		t.Error(judged)
	}
}

func TestEscapesAreRead(t *testing.T) {
	given := weirtest.Body(`{"id":1,"card":"\u00e5\ud83c\udf88\n","amount":0,"currency":"","merchant":"Caf\u00e9 \"\\","mcc":"","country":"\u0053E","home":"SE","ts":-1}`)
	same := weirtest.Body("{\"id\":1,\"card\":\"å🎈\\n\",\"amount\":0,\"currency\":\"\",\"merchant\":\"\",\"mcc\":\"\",\"country\":\"SE\",\"home\":\"SE\",\"ts\":0}")
	judged := weirtest.Start(t, plugin, nil).Judge(given, same)
	if judged[0].Header("fraud.score") != "0.000" || judged[1].Header("fraud.score") != "0.100" {
		t.Error(judged)
	}
}

func TestThresholdsMustMakeSense(t *testing.T) {
	for given, want := range map[[2]string]string{
		{"review_above", "0.9"}: "`review_above` (0.9) must not be above `refuse_above` (0.8), and both between 0 and 1",
		{"amount_limit", "0"}:   "`amount_limit` (0) must be above 0",
		{"amount_limit", "x"}:   "`amount_limit` cannot be `x`: invalid syntax",
		{"amount_limit", "NaN"}: "`amount_limit` (NaN) must be above 0",
	} {
		if _, err := weirtest.Configure(plugin, map[string]string{given[0]: given[1]}); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
}
