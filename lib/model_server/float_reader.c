/* Reads the ordinary request, {"instances":[[0.5,1.25],[2,-3.0]]}, into float32, sixteen digits at a time.

   Reading its numbers was what a request cost most. The floats are bit for bit those of a reader that goes through
   correctly rounded doubles; whatever is not plainly such a body (another key, an exponent, a mistake) is not read
   here at all, and the caller takes the way that knows all rules. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <emmintrin.h> /* SSE2, which every x86-64 has; elsewhere this module is not built */
#include <stdint.h>
#include <string.h>

#define OPENING "{\"instances\":"
#define BLOCK 64
#define LANES 16
#define EXACT ((uint64_t)1 << 53)   /* whole numbers up to here are doubles */
#define MOST_POWER 22               /* of ten that is a double */
#define MOST_DIGITS 18              /* of a number that fits 64 bits whatever its digits are */
#define TEN_TO_16 10000000000000000
#define MOST_ABOVE 921              /* times TEN_TO_16 that fits 63 bits */
#define NEARBY 0x1p-51              /* more than two roundings to double can be off, relative */

/* The powers of ten that are doubles. */
static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* LAST + n keeps the last n of sixteen bytes. */
static const uint8_t LAST[2 * LANES] = {[LANES] = 255, 255, 255, 255, 255, 255, 255, 255,
                                        255,           255, 255, 255, 255, 255, 255, 255};

static inline __m128i load(const uint8_t *at) { return _mm_loadu_si128((const __m128i *)at); }

/* A bit for each of 64 bytes: is it a comma or a closing bracket? */
static inline uint64_t ends_of_numbers(const uint8_t *at)
{
    uint64_t found = 0;
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        __m128i bytes = load(at + lane);
        __m128i comma = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(','));
        __m128i bracket = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(']'));
        found |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(comma, bracket)) << lane;
    }
    return found;
}

/* The digit before a point and the `fraction` (0 to 15) digits behind it, which end before `end`, as sixteen digits
   without the point: bytes 0 to 9 where the text has digits. */
static inline __m128i digits_around_point(const uint8_t *end, size_t fraction)
{
    __m128i behind = load(LAST + fraction);
    __m128i text = _mm_or_si128(_mm_and_si128(behind, load(end - LANES)),
                                _mm_andnot_si128(behind, load(end - LANES - 1)));
    return _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8('0')), load(LAST + fraction + 1));
}

/* The number that sixteen digits make: neighbours are joined until two numbers of eight digits are left. */
static inline uint64_t joined(__m128i digits)
{
    __m128i tens = _mm_mullo_epi16(_mm_and_si128(digits, _mm_set1_epi16(255)), _mm_set1_epi16(10));
    __m128i twos = _mm_add_epi16(tens, _mm_srli_epi16(digits, 8));
    __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(100 | 1 << 16));
    __m128i eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(10000 | 1 << 16));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (both & 0xffffffff) * 100000000 + (both >> 32);
}

static inline int all_digits(__m128i worst)
{
    __m128i over = _mm_subs_epu8(worst, _mm_set1_epi8(9));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(over, _mm_setzero_si128())) == 0xffff;
}

/* number / 10^fraction, where the nearest double of it is sure to become the same float. */
static inline int rounded(uint64_t number, size_t fraction, float *value)
{
    double quotient = (double)(int64_t)number / POWERS[fraction];
    *value = (float)quotient;
    return number <= EXACT || (float)(quotient * (1 - NEARBY)) == (float)(quotient * (1 + NEARBY));
}

/* A number of any other form: several digits before the point, or no point. */
static int other_number(const uint8_t *at, const uint8_t *end, float *value)
{
    const uint8_t *first = at, *point = NULL;
    uint64_t number = 0;
    if (end - at > MOST_DIGITS + 1)
        return 0;
    for (; at < end; at++) {
        if (*at == '.' && !point)
            point = at;
        else if (*at >= '0' && *at <= '9')
            number = 10 * number + (*at - '0');
        else
            return 0;
    }
    size_t whole = (point ? point : end) - first, fraction = point ? end - point - 1 : 0;
    if (!whole || (point && !fraction) || whole + fraction > MOST_DIGITS)
        return 0;
    if (*first == '0' && whole > 1)
        return 0; /* JSON has no leading zeros */
    if (!point && !number && first[-1] == '-')
        return 0; /* nought as an integer has no sign */
    return rounded(number, fraction, value);
}

/* A number with one digit before its point and 16 to 22 behind it. */
static int long_number(const uint8_t *end, size_t fraction, float *value)
{
    __m128i low = _mm_sub_epi8(load(end - LANES), _mm_set1_epi8('0'));
    __m128i high = digits_around_point(end - LANES, fraction - LANES);
    if (!all_digits(_mm_max_epu8(low, high)))
        return 0;
    uint64_t above = joined(high);
    return above <= MOST_ABOVE && rounded(above * TEN_TO_16 + joined(low), fraction, value);
}

/* How far the reading has come. */
struct rows {
    float *values;
    size_t count, row_start, rows, width;
};

/* The number at text[start..end) is the next value; 0 where it is none that this module reads. */
static inline int take(struct rows *into, const uint8_t *text, size_t start, size_t end, __m128i *worst)
{
    int negative = text[start] == '-';
    start += negative;
    float value;
    size_t fraction = end - start - 2;
    if (text[start + 1] == '.' && fraction - 1 < LANES - 1) {
        __m128i digits = digits_around_point(text + end, fraction);
        *worst = _mm_max_epu8(*worst, digits); /* looked at later, once for many numbers */
        if (!rounded(joined(digits), fraction, &value))
            return 0;
    } else if (text[start + 1] == '.' && fraction - LANES <= MOST_POWER - LANES) {
        if (!long_number(text + end, fraction, &value))
            return 0;
    } else if (!other_number(text + start, text + end, &value)) {
        return 0;
    }
    into->values[into->count++] = negative ? -value : value;
    return 1;
}

/* A row's last number has been taken and its bracket is text[end]: where the next row's first number starts, the
   body's size where that was the last row, 0 where neither follows. */
static inline size_t end_row(struct rows *into, const uint8_t *text, size_t size, size_t end)
{
    if (into->rows == 0)
        into->width = into->count;
    else if (into->count - into->row_start != into->width)
        return 0;
    into->rows++;
    into->row_start = into->count;
    if (end + 3 > size)
        return 0;
    if (end + 3 == size && text[end + 1] == ']' && text[end + 2] == '}')
        return size;
    size_t next = end + 2 + (text[end + 2] == ' ');
    return next + 1 < size && text[end + 1] == ',' && text[next] == '[' ? next + 1 : 0;
}

/* Read a whole body; 0 where it is not plainly rows of decimals. */
static int read_rows(struct rows *into, const uint8_t *text, size_t size)
{
    size_t start = sizeof OPENING - 1;
    if (size < 2 * BLOCK || memcmp(text, OPENING, start))
        return 0;
    start += text[start] == ' ';
    if (text[start] != '[' || text[start + 1] != '[')
        return 0;
    start += 2;
    __m128i worst = _mm_setzero_si128();
    for (size_t block = start; block < size; block += BLOCK) {
        size_t over = block > size - BLOCK ? block - (size - BLOCK) : 0; /* nothing behind the body is touched */
        for (uint64_t ends = ends_of_numbers(text + block - over) >> over; ends; ends &= ends - 1) {
            size_t end = block + __builtin_ctzll(ends);
            if (end < start)
                continue; /* the comma between two rows */
            if (!take(into, text, start, end, &worst))
                return 0;
            start = end + 1;
            if (text[end] == ',')
                start += text[start] == ' ';
            else if (!(start = end_row(into, text, size, end)))
                return 0;
            else if (start == size)
                return all_digits(worst);
        }
        if (!all_digits(worst))
            return 0;
    }
    return 0;
}

static PyObject *read_body(PyObject *module, PyObject *body)
{
    (void)module;
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(body, &text, &size))
        return NULL;
    /* A number and what ends it are two bytes at least. */
    PyObject *values = PyBytes_FromStringAndSize(NULL, size / 2 * sizeof(float));
    if (!values)
        return NULL;
    struct rows rows = {.values = (float *)PyBytes_AS_STRING(values)};
    if (!read_rows(&rows, (const uint8_t *)text, size)) {
        Py_DECREF(values);
        Py_RETURN_NONE;
    }
    if (_PyBytes_Resize(&values, rows.count * sizeof(float)))
        return NULL;
    return Py_BuildValue("(nn)N", (Py_ssize_t)rows.rows, (Py_ssize_t)rows.width, values);
}

static PyMethodDef methods[] = {
    {"read", read_body, METH_O,
     "read(body: bytes) -> ((rows, width), float32 bytes), or None where the body is not plainly rows of decimals."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "float_reader", .m_doc = "Rows of plain decimals to float32.", .m_methods = methods};

PyMODINIT_FUNC PyInit_float_reader(void) { return PyModule_Create(&definition); }
