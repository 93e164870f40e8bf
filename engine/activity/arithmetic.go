package activity

import (
	"fmt"
	"math"
	"math/big"
)

// arithmetic makes one of v2's five functions of two numbers: of whole numbers as long as both are, which must not
// overflow, else of floating ones.
func arithmetic(op string) func(*scope, []any) (any, error) {
	return func(_ *scope, a []any) (any, error) {
		x, okX := a[0].(int64)
		y, okY := a[1].(int64)
		if okX && okY {
			return wholeArithmetic(op, x, y)
		}
		fx, okX := number(a[0])
		fy, okY := number(a[1])
		if !okX || !okY {
			return nil, fmt.Errorf("two numbers are needed")
		}
		f, err := floatArithmetic(op, fx, fy)
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = fmt.Errorf("the result is no number")
		}
		return f, err
	}
}

func wholeArithmetic(op string, x, y int64) (any, error) {
	r, a, b := new(big.Int), big.NewInt(x), big.NewInt(y)
	switch op {
	case "add":
		r.Add(a, b)
	case "sub":
		r.Sub(a, b)
	case "mul":
		r.Mul(a, b)
	default:
		if y == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		if op == "div" {
			r.Quo(a, b)
		} else {
			r.Rem(a, b)
		}
	}
	if !r.IsInt64() {
		return nil, fmt.Errorf("the result is too large")
	}
	return r.Int64(), nil
}

func floatArithmetic(op string, x, y float64) (float64, error) {
	switch op {
	case "add":
		return x + y, nil
	case "sub":
		return x - y, nil
	case "mul":
		return x * y, nil
	}
	if y == 0 {
		return 0, fmt.Errorf("division by zero")
	}
	if op == "div" {
		return x / y, nil
	}
	return math.Mod(x, y), nil
}
