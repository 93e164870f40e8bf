package filesystem

import "sync"

// folderSyncs makes names in folders durable. Writers that commit into the same folder at the same time share one sync:
// whoever waited for the one under way finds its name covered by the next.
type folderSyncs struct {
	mu      sync.Mutex
	folders map[string]*folderSync
}

// folderSync is one folder that somebody syncs.
type folderSync struct {
	users int   // guarded by folderSyncs.mu
	asked int64 // names so far, guarded by folderSyncs.mu

	mu   sync.Mutex
	done int64 // of these names, how many are durable
}

// sync returns when the names that the folder has now are durable.
func (s *folderSyncs) sync(dir string) error {
	s.mu.Lock()
	f := s.folders[dir]
	if f == nil {
		if s.folders == nil {
			s.folders = map[string]*folderSync{}
		}
		f = &folderSync{}
		s.folders[dir] = f
	}
	f.users++
	f.asked++
	mine := f.asked
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if f.users--; f.users == 0 {
			delete(s.folders, dir)
		}
	}()

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done >= mine {
		return nil
	}
	s.mu.Lock()
	all := f.asked
	s.mu.Unlock()
	if err := syncFolder(dir); err != nil {
		return err
	}
	f.done = all
	return nil
}
