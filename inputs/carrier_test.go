package inputs

import (
	"reflect"
	"testing"
)

func TestTotalsAdd(t *testing.T) {
	var sum Totals
	one := Totals{1, 2, 3, 4, map[string]int64{"a": 5}, 6, 7}
	sum.Add(one)
	sum.Add(Totals{Captured: 1, Dropped: map[string]int64{"a": 1, "b": 2}})
	sum.Add(Totals{})
	if want := (Totals{2, 2, 3, 4, map[string]int64{"a": 6, "b": 2}, 6, 7}); !reflect.DeepEqual(sum, want) {
		t.Errorf("%+v, want %+v", sum, want)
	}
	if one.Dropped["a"] != 5 {
		t.Error("an operand was changed")
	}
}
