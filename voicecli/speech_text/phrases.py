"""Fixed phrases that the assistant speaks, in every language that it has voices for. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpokenPhrases:
    """Phrases of one language: whole sentences, except for the two that stand inside a sentence."""

    code: str
    table: str
    formula: str
    code_inside: str
    formula_inside: str
    written: str  # no voice for the language of the answer
    lost: str
    silent: str
    refuses: str
    too_long: str
    failed: str
    moment: str  # a tool call takes long


PHRASES = {
    "en": SpokenPhrases(
        code="I've put the code on screen.",
        table="I've put a table on screen.",
        formula="I've put the formula on screen.",
        code_inside="the code on screen",
        formula_inside="the formula on screen",
        written="I cannot speak this language, so the answer is on screen.",
        lost="I lost the connection to the language model.",
        silent="The language model does not answer.",
        refuses="The language model refuses to answer.",
        too_long="That is more than the language model can hold.",
        failed="The language model failed.",
        moment="One moment.",
    ),
    "es": SpokenPhrases(
        code="He puesto el código en la pantalla.",
        table="He puesto una tabla en la pantalla.",
        formula="He puesto la fórmula en la pantalla.",
        code_inside="el código en pantalla",
        formula_inside="la fórmula en pantalla",
        written="No sé hablar este idioma, así que la respuesta está en la pantalla.",
        lost="He perdido la conexión con el modelo de lenguaje.",
        silent="El modelo de lenguaje no responde.",
        refuses="El modelo de lenguaje se niega a responder.",
        too_long="Eso es más de lo que el modelo de lenguaje puede retener.",
        failed="El modelo de lenguaje ha fallado.",
        moment="Un momento.",
    ),
    "fr": SpokenPhrases(
        code="J'ai mis le code à l'écran.",
        table="J'ai mis un tableau à l'écran.",
        formula="J'ai mis la formule à l'écran.",
        code_inside="le code à l'écran",
        formula_inside="la formule à l'écran",
        written="Je ne parle pas cette langue, la réponse est donc à l'écran.",
        lost="J'ai perdu la connexion avec le modèle de langue.",
        silent="Le modèle de langue ne répond pas.",
        refuses="Le modèle de langue refuse de répondre.",
        too_long="C'est plus que ce que le modèle de langue peut retenir.",
        failed="Le modèle de langue a échoué.",
        moment="Un instant.",
    ),
    "hi": SpokenPhrases(
        code="मैंने कोड स्क्रीन पर रख दिया है।",
        table="मैंने तालिका स्क्रीन पर रख दी है।",
        formula="मैंने सूत्र स्क्रीन पर रख दिया है।",
        code_inside="स्क्रीन पर दिया कोड",
        formula_inside="स्क्रीन पर दिया सूत्र",
        written="मैं यह भाषा नहीं बोल सकती, इसलिए उत्तर स्क्रीन पर है।",
        lost="भाषा मॉडल से संपर्क टूट गया।",
        silent="भाषा मॉडल उत्तर नहीं दे रहा है।",
        refuses="भाषा मॉडल ने उत्तर देने से मना कर दिया।",
        too_long="यह भाषा मॉडल की क्षमता से अधिक है।",
        failed="भाषा मॉडल विफल हो गया।",
        moment="एक क्षण।",
    ),
    "it": SpokenPhrases(
        code="Ho messo il codice sullo schermo.",
        table="Ho messo una tabella sullo schermo.",
        formula="Ho messo la formula sullo schermo.",
        code_inside="il codice sullo schermo",
        formula_inside="la formula sullo schermo",
        written="Non so parlare questa lingua, quindi la risposta è sullo schermo.",
        lost="Ho perso la connessione con il modello linguistico.",
        silent="Il modello linguistico non risponde.",
        refuses="Il modello linguistico si rifiuta di rispondere.",
        too_long="È più di quanto il modello linguistico possa contenere.",
        failed="Il modello linguistico ha avuto un errore.",
        moment="Un momento.",
    ),
    "ja": SpokenPhrases(
        code="コードを画面に表示しました。",
        table="表を画面に表示しました。",
        formula="数式を画面に表示しました。",
        code_inside="画面のコード",
        formula_inside="画面の数式",
        written="この言語は話せないので、答えは画面に表示します。",
        lost="言語モデルとの接続が切れました。",
        silent="言語モデルが応答しません。",
        refuses="言語モデルが回答を拒否しました。",
        too_long="言語モデルが扱える長さを超えています。",
        failed="言語モデルでエラーが起きました。",
        moment="少々お待ちください。",
    ),
    "pt": SpokenPhrases(
        code="Coloquei o código na tela.",
        table="Coloquei uma tabela na tela.",
        formula="Coloquei a fórmula na tela.",
        code_inside="o código na tela",
        formula_inside="a fórmula na tela",
        written="Não sei falar esta língua, então a resposta está na tela.",
        lost="Perdi a conexão com o modelo de linguagem.",
        silent="O modelo de linguagem não responde.",
        refuses="O modelo de linguagem se recusa a responder.",
        too_long="Isso é mais do que o modelo de linguagem consegue guardar.",
        failed="O modelo de linguagem falhou.",
        moment="Um momento.",
    ),
    "zh": SpokenPhrases(
        code="我把代码放在屏幕上了。",
        table="我把表格放在屏幕上了。",
        formula="我把公式放在屏幕上了。",
        code_inside="屏幕上的代码",
        formula_inside="屏幕上的公式",
        written="我不会说这种语言，所以答案显示在屏幕上。",
        lost="与语言模型的连接断开了。",
        silent="语言模型没有回答。",
        refuses="语言模型拒绝回答。",
        too_long="这超出了语言模型能处理的长度。",
        failed="语言模型出错了。",
        moment="请稍等。",
    ),
}
"""By ISO 639-1 code."""


def phrases_in(language: str) -> SpokenPhrases:
    """Return the phrases of a language (ISO 639-1), or the English ones."""
    return PHRASES.get(language, PHRASES["en"])
