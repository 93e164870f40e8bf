package logging

// Files are the paths of a folder's log, or of one run's, the oldest first and the present one last, which may not be there
// yet. Earlier files can end in ".gz".
func Files(dir, run string) []string {
	if run != "" && JobFile(dir, run) == "" {
		return nil
	}
	return filesOf(dir, Query{Run: run})
}
