;; What build/give-back.js puts around the guest's `intercept`; its bytes are in that file.
(module
  (import "guest" "weir:interceptor/interceptor@0.1.0#intercept" (func $intercept (param i32) (result i32)))
  (import "guest" "cabi_post_weir:interceptor/interceptor@0.1.0#intercept" (func $finish (param i32)))
  (import "guest" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "memory" "memory" (memory 0))
  ;; Twelve bytes for the answer: 0, or 1 with the error's place and length.
  (global $answer (mut i32) (i32.const 0))
  ;; A copy of the error: `$finish` frees the guest's.
  (global $error (mut i32) (i32.const 0))
  (global $room (mut i32) (i32.const 0))
  (func (export "intercept") (param $batch i32) (result i32)
    (local $given i32) (local $len i32)
    (if (i32.eqz (global.get $answer))
      (then (global.set $answer (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12)))))
    (local.set $given (call $intercept (local.get $batch)))
    (i32.store (global.get $answer) (i32.load8_u (local.get $given)))
    (if (i32.load8_u (local.get $given))
      (then
        (local.set $len (i32.load offset=8 (local.get $given)))
        (if (i32.gt_u (local.get $len) (global.get $room))
          (then
            (global.set $error (call $realloc (global.get $error) (global.get $room) (i32.const 1) (local.get $len)))
            (global.set $room (local.get $len))))
        (memory.copy (global.get $error) (i32.load offset=4 (local.get $given)) (local.get $len))
        (i32.store offset=4 (global.get $answer) (global.get $error))
        (i32.store offset=8 (global.get $answer) (local.get $len))))
    (call $finish (local.get $given))
    (global.get $answer))
  ;; The guest has finished already.
  (func (export "finish") (param i32)))
