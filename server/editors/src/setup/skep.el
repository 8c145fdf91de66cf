;;; skep.el --- Files of your shares are live in this editor  -*- lexical-binding: t; -*-
;; Written by: skep editor setup emacs. Needs eglot: Emacs 29, Debian's elpa-eglot, or
;; M-x package-install RET eglot.
(if (not (require 'eglot nil t))
    (progn (global-auto-revert-mode 1)
           (message "Skep: there is no eglot here, so others see what you save"))
  (setq eglot-confirm-server-initiated-edits nil
        eglot-send-changes-idle-time 0)
  (add-to-list 'eglot-server-programs
               '((text-mode fundamental-mode)
                 . ("SKEP" "lsp" :initializationOptions (:live t))))
  ;; Eglot starts one server for a buffer: code goes on with its own, texts are Skep's.
  (defun skep--start ()
    (when (and buffer-file-name
               (or (eq major-mode 'fundamental-mode) (derived-mode-p 'text-mode)))
      (eglot-ensure)))
  (add-hook 'find-file-hook #'skep--start)
  ;; While a file is live the hive writes it: that is no change made behind your back, and saving
  ;; runs what you hooked to saving, and no more.
  (defun skep--save ()
    (set-buffer-modified-p nil)
    t)
  (cl-defmethod eglot-handle-notification (_server (_method (eql skep/live)) &key uri live)
    (let ((buffer (find-buffer-visiting (eglot--uri-to-path uri))))
      (when buffer
        (with-current-buffer buffer
          (clear-visited-file-modtime)
          (if (eq live t)
              (add-hook 'write-contents-functions #'skep--save nil t)
            (remove-hook 'write-contents-functions #'skep--save t)))))))
(provide 'skep)
