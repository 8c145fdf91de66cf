;;; skep.el --- Files of your shares are live in this editor  -*- lexical-binding: t; -*-
;; Written by: skep editor setup emacs. Needs eglot (Emacs 29, or M-x package-install RET eglot).
(require 'eglot)
(setq eglot-confirm-server-initiated-edits nil
      eglot-send-changes-idle-time 0)
(add-to-list 'eglot-server-programs '((text-mode fundamental-mode) . ("SKEP" "lsp")))
(add-hook 'text-mode-hook #'eglot-ensure)
;; The hive writes the file while you type; that is no change made behind your back.
(defun skep--at-ease ()
  (when (and buffer-file-name (eglot-current-server)) (clear-visited-file-modtime)))
(add-hook 'eglot-managed-mode-hook #'skep--at-ease)
(add-hook 'after-save-hook #'skep--at-ease)
(provide 'skep)
