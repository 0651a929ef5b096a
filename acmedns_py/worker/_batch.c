/* UDP in batches: one recvmmsg, one call of `respond` for each datagram, one sendmmsg; all that is DNS stays Python.
 *
 * What strangers send is carried and never looked into. Every buffer is an array of fixed size on the stack of one call,
 * so that nothing outlives a batch and nothing is shared between sockets. The interpreter's lock is held throughout: no
 * call waits. `drain.py` does the same where this file could not be compiled.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Both as in drain.py. */
enum { BATCH = 128, MAX_QUERY_OCTETS = 4096 };

/* Room for one control message, aligned as the kernel writes it (cmsg(3)). */
typedef union {
    struct cmsghdr header;
    char octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
} Control;

/* Turn the packet information that came with a query into that of its answer (ip(7), ipv6(7)): from the same address,
 * interface left to the routes. A link-local address means nothing without its interface. */
static void
reply_from(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    struct in_pktinfo v4;
    struct in6_pktinfo v6;

    if (control != NULL && control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO
        && control->cmsg_len == CMSG_LEN(sizeof v4)) {
        memcpy(&v4, CMSG_DATA(control), sizeof v4);
        v4.ipi_ifindex = 0;
        v4.ipi_addr.s_addr = 0;
        memcpy(CMSG_DATA(control), &v4, sizeof v4);
    }
    else if (control != NULL && control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO
             && control->cmsg_len == CMSG_LEN(sizeof v6)) {
        memcpy(&v6, CMSG_DATA(control), sizeof v6);
        if (!IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr)) {
            v6.ipi6_ifindex = 0;
        }
        memcpy(CMSG_DATA(control), &v6, sizeof v6);
    }
    else {
        message->msg_control = NULL;
        message->msg_controllen = 0;
    }
}

/* Take over what `callable` returned: bytes to send, or NULL for silence. None is silence; an exception or anything
 * else is told to sys.unraisablehook and costs this one datagram its answer. */
static PyObject *
octets_or_silence(PyObject *callable, PyObject *returned)
{
    if (returned != NULL && PyBytes_Check(returned)) {
        return returned;
    }
    if (returned != Py_None) {
        if (returned != NULL) {
            PyErr_SetString(PyExc_TypeError, "an answer is bytes or None");
        }
        PyErr_WriteUnraisable(callable);
    }
    Py_XDECREF(returned);
    return NULL;
}

static PyObject *
answer_to(const struct mmsghdr *query, PyObject *respond, PyObject *transport, PyObject *now)
{
    const struct msghdr *message = &query->msg_hdr;
    PyObject *octets = PyBytes_FromStringAndSize(message->msg_iov->iov_base, query->msg_len);
    PyObject *source = PyBytes_FromStringAndSize(message->msg_name, message->msg_namelen);
    PyObject *returned = NULL;

    if (octets != NULL && source != NULL) {
        returned = PyObject_CallFunctionObjArgs(respond, octets, source, transport, now, NULL);
    }
    Py_XDECREF(octets);
    Py_XDECREF(source);
    return octets_or_silence(respond, returned);
}

/* Send the truncated form of an answer that the network does not take; gives how many were sent. */
static int
send_truncated(int fd, struct msghdr *message, PyObject *truncated, PyObject *answer)
{
    PyObject *shorter = octets_or_silence(truncated, PyObject_CallFunctionObjArgs(truncated, answer, NULL));
    if (shorter == NULL) {
        return 0;
    }
    *message->msg_iov = (struct iovec){PyBytes_AsString(shorter), (size_t)PyBytes_Size(shorter)};
    ssize_t sent = sendmsg(fd, message, MSG_DONTWAIT);
    Py_DECREF(shorter);
    return sent >= 0;
}

PyDoc_STRVAR(drain_doc, "Answer one batch of datagrams; see drain.py for the arguments and what it gives.");

static PyObject *
drain(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *sock, *respond, *truncated, *transport, *now;
    if (!PyArg_ParseTuple(arguments, "OOOOO:drain", &sock, &respond, &truncated, &transport, &now)) {
        return NULL;
    }
    int fd = PyObject_AsFileDescriptor(sock);
    if (fd < 0) {
        return NULL;
    }

    char queries[BATCH][MAX_QUERY_OCTETS];
    struct sockaddr_in6 names[BATCH]; /* the longer of the two that a DNS socket has */
    Control controls[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){queries[i], sizeof queries[i]};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &names[i],
            .msg_namelen = sizeof names[i],
            .msg_iov = &parts[i],
            .msg_iovlen = 1,
            .msg_control = &controls[i],
            .msg_controllen = sizeof controls[i],
        };
    }
    int received = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (received < 0) {
        /* Other than an empty socket it is an ICMP error about an earlier answer; the queue behind it is untouched. */
        return Py_BuildValue("iO", 0, errno == EAGAIN || errno == EWOULDBLOCK ? Py_False : Py_True);
    }

    /* What is to be answered moves to the front; `answers` owns the octets until they are sent. */
    PyObject *answers[BATCH];
    int count = 0;
    for (int i = 0; i < received; i++) {
        if (messages[i].msg_hdr.msg_namelen > sizeof names[i]) {
            messages[i].msg_hdr.msg_namelen = sizeof names[i]; /* recvmsg(2): what it would have been, uncut */
        }
        PyObject *answer = answer_to(&messages[i], respond, transport, now);
        if (answer != NULL) {
            parts[i] = (struct iovec){PyBytes_AsString(answer), (size_t)PyBytes_Size(answer)};
            messages[count].msg_hdr = messages[i].msg_hdr;
            reply_from(&messages[count].msg_hdr);
            answers[count++] = answer;
        }
    }

    int sent = 0;
    for (int next = 0; next < count;) {
        int taken = sendmmsg(fd, messages + next, (unsigned int)(count - next), MSG_DONTWAIT);
        if (taken > 0) {
            sent += taken;
            next += taken;
            continue;
        }
        if (errno == EMSGSIZE) {
            sent += send_truncated(fd, &messages[next].msg_hdr, truncated, answers[next]);
        }
        next++; /* otherwise a full send buffer or an unreachable source: the resolver asks again */
    }
    for (int i = 0; i < count; i++) {
        Py_DECREF(answers[i]);
    }
    return Py_BuildValue("iO", sent, received == BATCH ? Py_True : Py_False);
}

static PyMethodDef methods[] = {
    {"drain", drain, METH_VARARGS, drain_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_batch",
    .m_doc = "UDP in batches.",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__batch(void)
{
    return PyModuleDef_Init(&definition);
}
