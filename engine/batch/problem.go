package batch

import "dmgateway/engine/fault"

// problem is why one value does not fit a type. It is a number so that the way without problems costs nothing.
type problem uint8

const (
	fine      problem = iota
	malformed         // the text is no value of the type
	tooBig            // outside the type's range
	tooFine           // digits or parts would be lost
	tooLong           // longer than the type's length
	hasZone           // an offset other than UTC's would be lost
	notUTF8
)

// err makes the error for one value. text is the value as the person knows it.
func (p problem) err(to Type, text []byte) *fault.Error {
	var e *fault.Error
	switch p {
	case tooBig:
		e = fault.New(fault.Conversion, "the value is outside the range of %s", to).Try("Give the column a type with a larger range.")
	case tooFine:
		e = fault.New(fault.Conversion, "the value would lose digits as %s", to).Try("Give the column a type that keeps them, or allow data truncation.")
	case tooLong:
		e = fault.New(fault.Conversion, "the value is too long for %s", to).Try("Give the column a greater length.")
	case hasZone:
		e = fault.New(fault.Conversion, "the value has a time zone, which %s cannot keep", to).Try("Give the column the type Datetimeoffset.")
	case notUTF8:
		e = fault.New(fault.Conversion, "the value is not valid UTF-8 and cannot become %s", to).Try("Copy the column as Byte[].")
	default:
		e = fault.New(fault.Conversion, "the value is not a %s", to).Try("Correct the value, or give the column another type or date format.")
	}
	return e.InRow(0, "", string(text[:min(len(text), 100)]))
}
