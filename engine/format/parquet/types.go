package parquet

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// maxDecimal is the largest precision that is written as a decimal, Arrow's decimal256; larger and unbounded decimals
// are written as text.
const maxDecimal = 76

// stored gives the type that a column has in a file.
func stored(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.Decimal:
		if t.Precision == 0 || t.Precision > maxDecimal {
			return batch.Type{Kind: batch.String}
		}
	case batch.Duration, batch.XML, batch.String:
		return batch.Type{Kind: batch.String} // of any length
	case batch.Binary:
		return batch.Type{Kind: batch.Binary}
	case batch.Time:
		switch t.Unit {
		case batch.Second:
			t.Unit = batch.Milli
		case batch.Tick:
			t.Unit = batch.Nano
		}
	case batch.Timestamp, batch.TimestampTZ:
		switch t.Unit {
		case batch.Second:
			t.Unit = batch.Milli
		}
	}
	return t
}

// node describes a stored column to the file.
func node(f batch.Field) (schema.Node, error) {
	rep := parquet.Repetitions.Optional
	if !f.Nullable {
		rep = parquet.Repetitions.Required
	}
	logical, physical, length := physicalOf(f.Type)
	n, err := schema.NewPrimitiveNodeLogical(f.Name, rep, logical, physical, int(length), -1)
	if err != nil {
		return nil, fault.New(fault.Unsupported, "Parquet cannot keep a column of type %s", f.Type).InRow(0, f.Name, "").Because(err)
	}
	return n, nil
}

func physicalOf(t batch.Type) (schema.LogicalType, parquet.Type, int32) {
	none := schema.LogicalType(schema.NoLogicalType{})
	p := parquet.Types
	switch t.Kind {
	case batch.Boolean:
		return none, p.Boolean, 0
	case batch.Byte:
		return schema.NewIntLogicalType(8, false), p.Int32, 0
	case batch.Int16:
		return schema.NewIntLogicalType(16, true), p.Int32, 0
	case batch.Int32:
		return none, p.Int32, 0
	case batch.Int64:
		return none, p.Int64, 0
	case batch.Single:
		return none, p.Float, 0
	case batch.Double:
		return none, p.Double, 0
	case batch.Decimal:
		logical := schema.NewDecimalLogicalType(int32(t.Precision), int32(t.Scale))
		switch {
		case t.Precision <= 9:
			return logical, p.Int32, 0
		case t.Precision <= 18:
			return logical, p.Int64, 0
		}
		return logical, p.FixedLenByteArray, int32(decimalBytes(t.Precision))
	case batch.Date:
		return schema.DateLogicalType{}, p.Int32, 0
	case batch.Time:
		if t.Unit == batch.Milli {
			return schema.NewTimeLogicalType(false, schema.TimeUnitMillis), p.Int32, 0
		}
		return schema.NewTimeLogicalType(false, unitOf[t.Unit]), p.Int64, 0
	case batch.Timestamp, batch.TimestampTZ:
		if t.Unit == batch.Tick { // nanoseconds in 64 bits would end with the year 2262, microseconds lose a digit
			return none, p.Int96, 0
		}
		return schema.NewTimestampLogicalType(t.Kind == batch.TimestampTZ, unitOf[t.Unit]), p.Int64, 0
	case batch.JSON:
		return schema.JSONLogicalType{}, p.ByteArray, 0
	case batch.Binary:
		return none, p.ByteArray, 0
	case batch.GUID:
		return schema.UUIDLogicalType{}, p.FixedLenByteArray, 16
	}
	return schema.StringLogicalType{}, p.ByteArray, 0
}

var unitOf = map[batch.Unit]schema.TimeUnitType{
	batch.Milli: schema.TimeUnitMillis, batch.Micro: schema.TimeUnitMicros, batch.Nano: schema.TimeUnitNanos,
}

// decimalBytes is the least number of bytes whose two's complement holds every number of so many digits.
func decimalBytes(precision int) int {
	// log2(10) = 3.3219…; one bit more for the sign.
	bits := precision*33220/10000 + 2
	return (bits + 7) / 8
}

func kind(k batch.Kind) batch.Type { return batch.Type{Kind: k} }

// typeOf gives the type and decoder of a flat column, a nil decoder where it is unknown.
func typeOf(c *schema.Column) (batch.Type, decoder) {
	logical := c.LogicalType()
	if d, ok := logical.(schema.DecimalLogicalType); ok {
		return decimalType(c, d)
	}
	switch c.PhysicalType() {
	case parquet.Types.Boolean:
		return kind(batch.Boolean), booleans
	case parquet.Types.Int32:
		return int32Type(logical)
	case parquet.Types.Int64:
		return int64Type(logical)
	case parquet.Types.Int96:
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}, int96s
	case parquet.Types.Float:
		return kind(batch.Single), singles
	case parquet.Types.Double:
		return kind(batch.Double), doubles
	case parquet.Types.ByteArray:
		return bytesType(logical)
	case parquet.Types.FixedLenByteArray:
		switch logical.(type) {
		case schema.UUIDLogicalType:
			return kind(batch.GUID), fixed
		case schema.Float16LogicalType:
			return kind(batch.Single), halves
		case schema.IntervalLogicalType:
			return kind(batch.String), intervals
		}
		return batch.Type{Kind: batch.Binary, Length: c.TypeLength()}, fixed
	}
	return batch.Type{}, nil
}

func int32Type(logical schema.LogicalType) (batch.Type, decoder) {
	switch l := logical.(type) {
	case schema.DateLogicalType:
		return kind(batch.Date), int32s
	case schema.TimeLogicalType:
		return batch.Type{Kind: batch.Time, Unit: batch.Milli}, int32s
	case schema.IntLogicalType:
		switch {
		case l.BitWidth() == 8 && !l.IsSigned():
			return kind(batch.Byte), int32s
		case l.BitWidth() < 16 || l.BitWidth() == 16 && l.IsSigned():
			return kind(batch.Int16), int32s
		case l.BitWidth() == 32 && !l.IsSigned():
			return kind(batch.Int64), uint32s
		}
	}
	return kind(batch.Int32), int32s
}

func int64Type(logical schema.LogicalType) (batch.Type, decoder) {
	switch l := logical.(type) {
	case schema.TimeLogicalType:
		return batch.Type{Kind: batch.Time, Unit: fromUnit(l.TimeUnit())}, int64s
	case schema.TimestampLogicalType:
		t := batch.Type{Kind: batch.Timestamp, Unit: fromUnit(l.TimeUnit())}
		if l.IsAdjustedToUTC() {
			t.Kind = batch.TimestampTZ
		}
		return t, int64s
	case schema.IntLogicalType:
		if !l.IsSigned() {
			return batch.Type{Kind: batch.Decimal, Precision: 20}, uint64s
		}
	}
	return kind(batch.Int64), int64s
}

func bytesType(logical schema.LogicalType) (batch.Type, decoder) {
	switch logical.(type) {
	case schema.StringLogicalType, schema.EnumLogicalType:
		return kind(batch.String), texts
	case schema.JSONLogicalType:
		return kind(batch.JSON), texts
	}
	return kind(batch.Binary), blobs
}

func fromUnit(u schema.TimeUnitType) batch.Unit {
	switch u {
	case schema.TimeUnitMillis:
		return batch.Milli
	case schema.TimeUnitNanos:
		return batch.Nano
	}
	return batch.Micro
}

func decimalType(c *schema.Column, d schema.DecimalLogicalType) (batch.Type, decoder) {
	t := batch.Type{Kind: batch.Decimal, Precision: int(d.Precision()), Scale: int(d.Scale())}
	if t.Precision < 1 || t.Scale < 0 || t.Scale > t.Precision {
		return t, nil
	}
	wide := t.Storage() != batch.InInts
	switch c.PhysicalType() {
	case parquet.Types.Int32:
		if !wide {
			return t, int32s
		}
	case parquet.Types.Int64:
		if !wide {
			return t, int64s
		}
	case parquet.Types.FixedLenByteArray:
		return t, fixedDecimals
	case parquet.Types.ByteArray:
		return t, byteDecimals
	}
	return t, nil
}
