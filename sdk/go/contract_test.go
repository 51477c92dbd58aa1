package weir

import (
	"fmt"
	"hash/fnv"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

func TestTheBindingsAreThoseOfTheContract(t *testing.T) {
	wit, err := os.ReadFile("wit/interceptor.wit")
	if err != nil {
		t.Fatal(err)
	}
	without := regexp.MustCompile(`//[^\n]*`).ReplaceAllString(string(wit), "")
	digest := fnv.New64a()
	digest.Write([]byte(strings.Join(strings.Fields(without), "")))
	if now := fmt.Sprintf("%016x", digest.Sum64()); now != contract.Digest {
		t.Errorf("wit/interceptor.wit has changed: make internal/contract, host_wasip1.go and exports_wasip1.go follow, then write %s as contract.Digest", now)
	}
}
