package engine

import (
	"os"
	"os/user"
	"runtime"
	"strconv"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// SettingControlGroup is the group whose members may control the gateway beside the user that runs it.
const SettingControlGroup = "controlgroup"

func checkControlGroup(value string) (string, error) {
	if runtime.GOOS == "windows" {
		return "", fault.New(fault.Unsupported, "Windows has no groups for control sockets").
			Try("Give the group's members the right to read and write the data directory in its security settings.")
	}
	if _, err := user.LookupGroup(value); err != nil {
		return "", wrongValue(value, "Give the name of a group of this system; see `getent group`.")
	}
	return value, nil
}

// openControlToGroup lets the setting's group use the control socket, or nobody where it names none. The group may pass
// through the socket's folders, not look into them: everything else there stays closed to it.
func (e *Engine) openControlToGroup() {
	if e.control == nil || runtime.GOOS == "windows" {
		return
	}
	group, socket, folder, id := e.setting(SettingControlGroup), os.FileMode(0o600), os.FileMode(0o700), -1
	if group != "" {
		g, err := user.LookupGroup(group)
		if err == nil {
			id, err = strconv.Atoi(g.Gid)
		}
		if err != nil {
			e.log.Error("the control socket stays closed to the group", logging.Key, logging.ControlBroken, "group", group, "error", err)
		} else {
			socket, folder = 0o660, 0o710
		}
	}
	for _, path := range e.control.folders {
		e.give(path, id, folder)
	}
	for _, path := range e.control.files {
		e.give(path, id, socket)
	}
}

// give hands a file to a group (-1 = as it is) with the given rights. Rights that shrink do so first.
func (e *Engine) give(path string, group int, mode os.FileMode) {
	err := os.Chmod(path, mode&0o700)
	if err == nil && group >= 0 {
		err = os.Chown(path, -1, group)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		e.log.Error("the control socket stays closed to the group", logging.Key, logging.ControlBroken, "path", path, "error", err)
	}
}
