/* Writes float32 numbers as rapidjson's writer in TensorFlow Serving prints them: 6 digits where they read back as the
   number, else 9; printf's %.6g and %.9g, with .0 behind what would look like an integer.

   A number becomes an integer of 6 and of 9 digits by one multiplication each. Whether 6 digits read back may be asked
   of their nearest double, even when that is off by a step or two: none of the 39,600,000 decimals of 6 digits lies
   within 8 steps of a double from the middle between two floats. What is too near to a tie to be rounded like that is
   left to Python's own printf. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MOST_TEXT 24 /* bytes: -1.23456789e-38 and the ", " behind it take 17 */
#define TIE 0.499999
#define LEAST_FIXED -4 /* below this exponent %g writes e-05 and so on */

#define LEAST_POWER -46
static double powers[-2 * LEAST_POWER + 1];

static inline double power(int exponent) { return powers[exponent - LEAST_POWER]; }

static char *put(char *to, const char *text)
{
    size_t size = strlen(text);
    memcpy(to, text, size);
    return to + size;
}

/* The decimal exponent of a normal number: that of its power of two is it, or one too low. */
static inline int exponent_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    int of_two = (int)(bits >> 23) - 127;
    int exponent = (of_two * 1233) >> 12; /* 1233/4096 is log10(2) */
    return exponent + (value >= power(exponent + 1));
}

/* `digits`, of which the first stands for 10^exponent, as %g with so many `places` shows it. */
static char *put_digits(char *to, uint32_t digits, int places, int exponent)
{
    char text[10];
    int count = places;
    while (digits % 10 == 0) {
        digits /= 10;
        count--;
    }
    for (int at = count; at > 0; digits /= 10)
        text[--at] = '0' + digits % 10;
    if (exponent < LEAST_FIXED || exponent >= places) {
        *to++ = text[0];
        if (count > 1) {
            *to++ = '.';
            memcpy(to, text + 1, count - 1);
            to += count - 1;
        }
        int size = abs(exponent);
        *to++ = 'e';
        *to++ = exponent < 0 ? '-' : '+';
        *to++ = '0' + size / 10;
        *to++ = '0' + size % 10;
        return to;
    }
    if (exponent < 0) {
        to = put(to, "0.");
        for (int zeros = -1 - exponent; zeros; zeros--)
            *to++ = '0';
        memcpy(to, text, count);
        return to + count;
    }
    for (int at = 0; at <= exponent || at < count; at++) {
        if (at == exponent + 1)
            *to++ = '.';
        *to++ = at < count ? text[at] : '0';
    }
    return count <= exponent + 1 ? put(to, ".0") : to;
}

/* By printf; NULL with an exception where memory is short. */
static char *put_slowly(char *to, float value)
{
    for (int places = 6; places <= 9; places += 3) {
        char *text = PyOS_double_to_string(value, 'g', places, 0, NULL);
        if (!text)
            return NULL;
        int last = places == 9 || (float)PyOS_string_to_double(text, NULL, NULL) == value;
        if (last) {
            to = put(to, text);
            if (!strpbrk(text, ".e"))
                to = put(to, ".0");
        }
        PyMem_Free(text);
        if (last)
            break;
    }
    return PyErr_Occurred() ? NULL : to;
}

static char *put_float(char *to, float value)
{
    if (isnan(value))
        return put(to, "NaN");
    if (signbit(value)) {
        *to++ = '-';
        value = -value;
    }
    if (value == 0)
        return put(to, "0.0");
    if (isinf(value))
        return put(to, "Infinity");
    if (value < FLT_MIN)
        return put_slowly(to, value);
    int exponent = exponent_of(value);
    double exact = value * power(8 - exponent), nine = floor(exact + 0.5);
    if (fabs(exact - nine) > TIE)
        return put_slowly(to, value);
    double six = floor(value * power(5 - exponent) + 0.5);
    double shown = exponent <= 5 ? six / power(5 - exponent) : six * power(exponent - 5);
    int places = (float)shown == value ? 6 : 9;
    uint32_t digits = places == 6 ? six : nine;
    if (digits == (places == 6 ? 1000000 : 1000000000)) { /* rounded up to the next power of ten */
        digits /= 10;
        exponent++;
    }
    return put_digits(to, digits, places, exponent);
}

static PyObject *texts_of(const float *values, Py_ssize_t count, Py_ssize_t width, int listed)
{
    PyObject *texts = PyList_New(count / width);
    char *text = PyMem_Malloc(width * MOST_TEXT + 2);
    if (!texts || !text) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t row = 0; row < count / width; row++) {
        char *to = text;
        if (listed)
            *to++ = '[';
        for (Py_ssize_t column = 0; column < width; column++) {
            if (column)
                to = put(to, ", ");
            if (!(to = put_float(to, *values++)))
                goto failed;
        }
        if (listed)
            *to++ = ']';
        PyObject *item = PyUnicode_FromStringAndSize(text, to - text);
        if (!item)
            goto failed;
        PyList_SET_ITEM(texts, row, item);
    }
    PyMem_Free(text);
    return texts;
failed:
    PyMem_Free(text);
    Py_XDECREF(texts);
    return NULL;
}

static PyObject *write_values(PyObject *values, Py_ssize_t width, int listed)
{
    Py_buffer view;
    if (PyObject_GetBuffer(values, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT))
        return NULL;
    PyObject *texts = NULL;
    Py_ssize_t count = view.len / (Py_ssize_t)sizeof(float);
    if (strcmp(view.format ? view.format : "B", "f"))
        PyErr_SetString(PyExc_TypeError, "float32 values were expected");
    else if (width < 1 || count % width)
        PyErr_Format(PyExc_ValueError, "%zd values do not make rows of %zd", count, width);
    else
        texts = texts_of(view.buf, count, width, listed);
    PyBuffer_Release(&view);
    return texts;
}

static PyObject *texts(PyObject *module, PyObject *values)
{
    (void)module;
    return write_values(values, 1, 0);
}

static PyObject *rows(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *values;
    Py_ssize_t width;
    return PyArg_ParseTuple(arguments, "On", &values, &width) ? write_values(values, width, 1) : NULL;
}

static PyMethodDef methods[] = {
    {"texts", texts, METH_O, "texts(values) -> the text of each number of a float32 array."},
    {"rows", rows, METH_VARARGS, "rows(values, width) -> the JSON list of each `width` numbers of a float32 array."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "float_writer", .m_doc = "float32 numbers to JSON.", .m_methods = methods};

PyMODINIT_FUNC PyInit_float_writer(void)
{
    for (int exponent = LEAST_POWER; exponent <= -LEAST_POWER; exponent++) {
        char text[8];
        PyOS_snprintf(text, sizeof text, "1e%d", exponent);
        powers[exponent - LEAST_POWER] = PyOS_string_to_double(text, NULL, NULL);
    }
    return PyErr_Occurred() ? NULL : PyModule_Create(&definition);
}
