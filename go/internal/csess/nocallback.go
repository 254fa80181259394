//go:build linux && cgo

package csess

// What never calls back, so that Go need not get ready for it and its arguments can stay on the stack. All
// others may: setting a value sends an event when its cookie is refused, a look at the headers makes the record that
// their cookie leads to.

/*
#cgo noescape csess_thread
#cgo nocallback csess_thread
#cgo noescape csess_look
#cgo nocallback csess_look
#cgo noescape csess_all
#cgo nocallback csess_all
#cgo noescape csess_get
#cgo nocallback csess_get
#cgo noescape csess_list_keys
#cgo nocallback csess_list_keys
#cgo noescape csess_set_cookie
#cgo nocallback csess_set_cookie
#cgo noescape csess_call_set_data
#cgo nocallback csess_call_set_data
#cgo noescape csess_call_answer
#cgo nocallback csess_call_answer
#cgo noescape csess_call_has_data
#cgo nocallback csess_call_has_data
#cgo noescape csess_call_set_id
#cgo nocallback csess_call_set_id
#cgo noescape csess_call_lock_timeout
#cgo nocallback csess_call_lock_timeout
#cgo noescape csess_call_read_only
#cgo nocallback csess_call_read_only
*/
import "C"
