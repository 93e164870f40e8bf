package engine

import (
	"math"
	"strconv"
	"strings"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
)

// Limits bound copies while they run; see [copy.Limits].
type Limits = copy.Limits

// LimitValues are what Limits hold.
type LimitValues = copy.LimitValues

// ParseSize reads a whole number, with K, M or G behind it for 1024, 1024² or 1024³, and B after that if wanted. It is
// false for anything else and for 0.
func ParseSize(text string) (int64, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	factor := int64(1)
	text = strings.TrimSuffix(text, "B")
	for suffix, f := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, factor = strings.TrimSpace(rest), f
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

// ParseLimit reads a limit that a person gave under a name, "" being none (0).
func ParseLimit(name, text string) (int64, error) {
	n, ok := ParseSize(text)
	if text != "" && !ok {
		return 0, fault.New(fault.BadInput, "%q is no limit", text).At(name).Try("Give a whole number above 0; K, M and G stand for 1024 and its powers.")
	}
	return n, nil
}

func checkSize(value string) (string, error) {
	if _, ok := ParseSize(value); !ok {
		return "", wrongValue(value, "Give a whole number above 0, or nothing for no limit; K, M and G stand for 1024 and its powers.")
	}
	return strings.ToUpper(strings.ReplaceAll(value, " ", "")), nil
}

// applyLimits makes running jobs and later ones follow the settings.
func (e *Engine) applyLimits() {
	size := func(name string) int64 {
		n, _ := ParseSize(e.setting(name))
		return n
	}
	e.limits.Set(copy.LimitValues{
		BytesPerSecond: size(SettingByteLimit), RowsPerSecond: size(SettingRowLimit),
		Connections: int(min(size(SettingConnectionLimit), math.MaxInt32)), Memory: size(SettingMemoryLimit),
	})
}
