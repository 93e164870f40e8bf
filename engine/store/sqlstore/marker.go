package sqlstore

import "time"

// The marker table. A sink inserts one row per committed partition in the transaction that holds the partition's rows,
// so that both are there or neither is. The primary key (run_id, partition_id) lets one attempt only commit a partition.
//
// When a run is finished its rows are replaced by a single one with the partition [FinishedPartition]. A writer that
// wakes up after that, left over from an attempt that lost its lease, inserts its own row, then looks for this one in a
// statement of its own, finds it and rolls back: it can never add its rows a second time. The row, and whatever runs
// left behind that never finished, goes after [MarkerAge].
const (
	// MarkerTable is the table's name; it is in the schema of the table that is written.
	MarkerTable = "dmgateway_commits"
	// FinishedPartition is the partition of the row that stands for a finished run; no partition is called so, because
	// "*" is not allowed in partition names.
	FinishedPartition = "*finished*"
	// MarkerAge is how long rows of other runs are kept.
	MarkerAge = 30 * 24 * time.Hour
)
