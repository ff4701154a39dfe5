/* admin.h - the control API: what slowctl, curl and scripts ask a running junction over its admin socket.
 *
 * All [loop]. The server lives between the junction's creation and its end; whoever owns the junction's callbacks tells
 * it of messages and of room. */
#ifndef SL_ADMIN_H
#define SL_ADMIN_H
#include "mailbag.h"
#include "junction.h"

typedef struct sl_admin sl_admin;

/* Serves on `socket_path`. The junction, the mailbag, the inbox and the loop outlive it. */
slow_status sl_admin_new(sl_junction *, sl_mailbag *, sl_inbox *, sl_loop *, const char *socket_path, sl_admin **,
                         slow_error *);
/* Requests that wait are cancelled, and the socket is removed. NULL is allowed. */
void sl_admin_free(sl_admin *);
/* A message was put into the inbox: who waits for one is served at the end of the turn. */
void sl_admin_message_arrived(sl_admin *);
/* An outgoing message left the junction's queue: sends that were held go on, at the end of the turn. */
void sl_admin_room(sl_admin *);
/* Of a message whose ticket has SL_TICKET_ADMIN. */
void sl_admin_outcome(sl_admin *, const sl_result *);
/* A hop of some traced message was heard: sends that wait for theirs are served at the end of the turn. */
void sl_admin_heard(sl_admin *);
#endif
