package sqlstore

import "testing"

func TestRangePlaceholdersAreSeenInCodeOnly(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"select 1 where ?AdfDynamicRangePartitionCondition":                                         "select 1 where x",
		"select '?AdfDynamicRangePartitionCondition' where ?DfDynamicRangePartitionCondition and a": "select '?AdfDynamicRangePartitionCondition' where x and a",
		"select 1 -- ?AdfDynamicRangePartitionCondition":                                            "",
		"select 1 /* ?AdfDynamicRangePartitionCondition":                                            "",
		"select 1 /* - */ where ?AdfDynamicRangePartitionCondition":                                 "select 1 /* - */ where x",
		"select 'it''s' where ?AdfDynamicRangePartitionCondition -- '":                              "select 'it''s' where x -- '",
		"select \"?AdfDynamicRangePartitionCondition\"":                                             "",
		"select a--b\n where ?AdfDynamicRangePartitionCondition":                                    "select a--b\n where x",
		"": "",
	} {
		if got := HasRange(query); got != (want != "") {
			t.Errorf("HasRange(%q) is %t", query, got)
		}
		if want == "" {
			want = query
		}
		if got := FillRange(query, "x"); got != want {
			t.Errorf("FillRange(%q) is %q, want %q", query, got, want)
		}
	}
}
