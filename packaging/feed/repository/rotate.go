package repository

import (
	"fmt"
	"os"

	"github.com/sigstore/sigstore/pkg/signature"
)

// Rotate gives a role a new key, signed by the root's. Programs that have the old root follow by themselves. The old key
// is kept as ROLE.key.old-N, N being the last root that named it.
func (r *Repository) Rotate(role string) error {
	if r.root.Signed.Roles[role] == nil {
		return fmt.Errorf("there is no role %q; there are %v", role, Roles())
	}
	signers, err := r.signers(Roles()...)
	if err != nil {
		return err
	}
	oldRoot := signers[Root]
	_, oldID, err := public(signers[role])
	if err != nil {
		return err
	}
	file := r.o.Keys.file(role)
	fresh, err := r.o.Keys.create(role, file+".new")
	if err != nil {
		return err
	}
	signers[role] = fresh
	key, _, err := public(fresh)
	if err != nil {
		return err
	}
	if err := r.root.Signed.RevokeKey(oldID, role); err != nil {
		return err
	}
	if err := r.root.Signed.AddKey(key, role); err != nil {
		return err
	}
	r.root.Signed.Version++
	r.root.Signed.Expires = r.o.until(far)
	kept := fmt.Sprintf("%s.old-%d", file, r.root.Signed.Version-1)
	if err := os.Rename(file, kept); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	roots := []signature.Signer{oldRoot}
	if role == Root {
		roots = append(roots, fresh)
	}
	if err := r.saveRoot(roots...); err != nil {
		return err
	}
	r.o.Say("NEW KEY of %s in %s; the old one is %s. Root %d is to be pinned in builds from now on; programs built before follow by themselves.", role, file, kept, r.root.Signed.Version)
	return r.publish(signers)
}

// saveRoot signs the root and writes it into the feed and beside the keys.
func (r *Repository) saveRoot(signers ...signature.Signer) error {
	if _, err := sign(r, r.root, Root, r.root.Signed.Version, signers...); err != nil {
		return err
	}
	text, err := os.ReadFile(r.numbered(Root, r.root.Signed.Version))
	if err != nil {
		return err
	}
	return write(r.o.Keys.anchor(), text, 0o644)
}
