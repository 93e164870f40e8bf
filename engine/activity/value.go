package activity

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func toInt(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		if math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the value is no whole number")
}

func toFloat(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("the value is no number")
}

func toBool(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case string:
		if b, err := strconv.ParseBool(strings.ToLower(v)); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("the value is neither true nor false")
}

func fromJSON(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	o, err := readTree([]byte(`{"v":` + s + `}`))
	if err != nil || len(o.members) != 1 {
		return nil, fmt.Errorf("the text is no JSON")
	}
	return evaluated(o.members[0].value), nil
}

// evaluated turns a value of a JSON tree into a value of expressions.
func evaluated(v any) any {
	if n, ok := v.(json.Number); ok {
		if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			return i
		}
		f, err := n.Float64()
		if err != nil {
			return n.String()
		}
		return f
	}
	return v
}

// treed is the way back.
func treed(v any) any {
	switch v := v.(type) {
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64))
	case time.Time:
		return asText(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = treed(v[i])
		}
		return list
	}
	return v
}

// asText is a value inside a text.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	case time.Time:
		if v.Nanosecond() == 0 {
			return v.UTC().Format("2006-01-02T15:04:05Z")
		}
		return v.UTC().Format("2006-01-02T15:04:05.0000000Z")
	case *object, []any:
		return string(writeTree(treed(v)))
	}
	return ""
}

func equal(a, b any) bool {
	a, b = evaluated(a), evaluated(b)
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	switch a.(type) {
	case nil, bool:
		switch b.(type) {
		case nil, bool:
			return a == b
		}
		return false
	}
	_, okA := a.(*object)
	_, okB := b.(*object)
	listA, okLA := a.([]any)
	listB, okLB := b.([]any)
	return (okA && okB || okLA && okLB && len(listA) == len(listB)) && asText(a) == asText(b)
}

// compare orders two numbers or two texts.
func compare(a, b any) (int, bool) {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return strings.Compare(s, t), ok
	}
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		}
	}
	x, okX := number(a)
	y, okY := number(b)
	switch {
	case !okX || !okY:
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func escapeURI(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
