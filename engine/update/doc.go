// Package update keeps newer versions of the program in the data directory and swaps to them so that a version that does
// not work is gone again by itself.
//
// The installed program, from a package or an archive, is never touched: it is the starter. At its first step it looks
// into <data>/programs and runs the newer version that lies there, if one does; a newer installed program wins.
//
//	programs/state.json    which version is current, which is on trial, which failed; written whole
//	programs/<version>/    dmgateway and dmgcmd of one version, with sizes and hashes in the state
//	programs/backup/       what the version on trial would change for good: databases that it migrates
//
// A new version is first on trial: the starter stays its parent until it has proved itself ([Confirm]) or ended, hung or
// been killed. Then what it changed is restored, the version before runs again, and the new one is not tried again by
// itself. Each step is durable before the next begins, so that after a power cut at any of them a program starts.
//
// A version that works but for the connection is no bad one when nobody could connect: the factory or the network may be
// down. It is undone like any other, so that the gateway is as it was, but is installed by itself again at the next
// scheduled time. It takes the blame when the version before was connected as soon as it was back twice ([ConnectedBefore]),
// or after five times in all.
//
// It knows nothing of where versions come from: see engine/update/feed.
package update
