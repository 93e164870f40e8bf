package wire

// UpdateText says in words what a node knows of newer versions, "" = nothing.
func (n Node) UpdateText() string {
	switch {
	case n.UpdateProblem != "":
		return "update undone: " + n.UpdateProblem
	case n.AvailableVersion != "" && !n.ScheduledUpdateDate.IsZero():
		return n.AvailableVersion + " will be installed at " + n.ScheduledUpdateDate.UTC().Format("2006-01-02 15:04 UTC")
	case n.AvailableVersion != "":
		return n.AvailableVersion + " is available"
	}
	return ""
}
