package view

import (
	"fmt"

	"dmgateway/app/words"
)

// counted writes a count with its noun; both texts are in the person's language, many with %s for the count.
func counted(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, Count(n))
}

func rowsText(n int64) string { return counted(n, words.T("1 row"), words.T("%s rows")) }

func jobsText(n int64) string { return counted(n, words.T("1 job"), words.T("%s jobs")) }

func filesText(n int64) string { return counted(n, words.T("1 file"), words.T("%s files")) }
